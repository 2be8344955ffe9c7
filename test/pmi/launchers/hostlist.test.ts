import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PythonMpiError } from '../../../src/errors.ts';
import { expandCounts, expandHostlist } from '../../../src/pmi/launchers/hostlist.ts';

const refused = (expand: () => unknown) =>
  assert.throws(
    expand,
    (error: unknown) => error instanceof PythonMpiError && error.code === 'LAUNCHER',
  );

const hostlist = suite('hostlist');

/** What `scontrol show hostnames` of Slurm 22.05 made of them. */
const SEEN: readonly [list: string, hosts: string][] = [
  ['n0', 'n0'],
  ['n[0-3]', 'n0 n1 n2 n3'],
  ['n[001-003]', 'n001 n002 n003'],
  ['n[08-11]', 'n08 n09 n10 n11'],
  ['n[9-010]', 'n9 n10'],
  ['n[8-11]', 'n8 n9 n10 n11'],
  ['a[1-2]b[3-4]', 'a1b3 a1b4 a2b3 a2b4'],
  ['tux[1,3-5]-[01-02]', 'tux1-01 tux1-02 tux3-01 tux3-02 tux4-01 tux4-02 tux5-01 tux5-02'],
  ['n[3,1-2]', 'n3 n1 n2'],
  ['a1-ib,a2-ib', 'a1-ib a2-ib'],
  ['n[0-1],login,n0', 'n0 n1 login n0'],
  ['n[1-2]-ib', 'n1-ib n2-ib'],
];

for (const [list, hosts] of SEEN)
  hostlist(list, () => assert.equal(expandHostlist(list), hosts.split(' ')));

hostlist('what is no list is one declared error', () => {
  const lists = [
    '',
    ',',
    'n[',
    'n]',
    'n[]',
    'n[1-]',
    'n[2-1]',
    'n[a-b]',
    'n[1-2',
    'n[1[2]]',
    'n 1',
    'n[0-9/2]',
    'n1,',
  ];
  for (const list of lists) refused(() => expandHostlist(list));
});

hostlist('a list cannot take all memory', () => {
  refused(() => expandHostlist('n[0-99999999999]'));
  refused(() => expandHostlist('n[0-9999]x[0-9999]'));
  refused(() => expandCounts('1(x9999999)'));
});

hostlist('tasks per node', () => {
  assert.equal(expandCounts('5,1(x3)'), [5, 1, 1, 1]);
  assert.equal(expandCounts('2(x4)'), [2, 2, 2, 2]);
  assert.equal(expandCounts('2,1,2,3'), [2, 1, 2, 3]);
  for (const list of ['', '2,', '2(3)', '2(x)', '-1', 'x']) refused(() => expandCounts(list));
});

hostlist.run();
