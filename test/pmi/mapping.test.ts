import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dense, formatMapping, nodesOfMapping } from '../../src/pmi/mapping.ts';

const mapping = suite('process mapping');

/** Seen on real launchers, expanded by hand. */
const SEEN: readonly [what: string, text: string, nodes: number[]][] = [
  ['Hydra, 7 ranks on 3 nodes by 2, wraps', '(vector,(0,3,2))', [0, 0, 1, 1, 2, 2, 0]],
  [
    'Hydra, 6 ranks on hosts n0:3,n1:1,n2:2',
    '(vector,(0,1,3),(1,1,1),(2,1,2))',
    [0, 0, 0, 1, 2, 2],
  ],
  [
    'Hydra, 9 ranks on hosts n0:3,n1:1,n2:2, wraps',
    '(vector,(0,1,3),(1,1,1),(2,1,2))',
    [0, 0, 0, 1, 2, 2, 0, 0, 0],
  ],
  ['Slurm, block', '(vector,(0,1,5),(1,3,1))', [0, 0, 0, 0, 0, 1, 2, 3]],
  ['Slurm, cyclic', '(vector,(0,4,1),(0,1,1),(0,1,1),(0,1,1),(0,1,1))', [0, 1, 2, 3, 0, 0, 0, 0]],
  ['Slurm, plane of 2', '(vector,(0,1,2),(1,3,1),(0,1,3))', [0, 0, 1, 2, 3, 0, 0, 0]],
  [
    'Slurm, arbitrary, renumbered by first appearance',
    '(vector,(2,1,1),(0,1,1),(2,2,1),(1,1,1),(0,1,1),(3,1,2))',
    [0, 1, 0, 2, 3, 1, 2, 2],
  ],
];

for (const [what, text, nodes] of SEEN) {
  mapping(what, () => assert.equal(nodesOfMapping(text, nodes.length), nodes));
}

mapping('ranks left over start again from the first block of node 0', () => {
  assert.equal(nodesOfMapping('(vector,(4,1,1),(0,1,1),(1,1,1))', 7), [0, 1, 2, 1, 2, 1, 2]);
});

mapping('ranks left over start again at the beginning where no block has node 0', () => {
  assert.equal(nodesOfMapping('(vector,(3,1,1),(5,1,1))', 3), [0, 1, 0]);
});

mapping('a block may hold more than the job', () => {
  assert.equal(nodesOfMapping('(vector,(0,999999999,999999999))', 2), [0, 0]);
});

mapping('white space stands between any two tokens', () => {
  assert.equal(nodesOfMapping(' ( vector , ( 0 , 2 , 1 ) , (0,1,1) ) ', 3), [0, 1, 0]);
});

mapping('what is cut short or none at all is unknown', () => {
  const whole = '(vector,(0,1,5),(1,3,1))';
  for (let end = 0; end < whole.length; end++)
    assert.is(nodesOfMapping(whole.slice(0, end), 8), undefined, whole.slice(0, end));
  for (const text of [
    '(vector)',
    '(matrix,(0,1,1))',
    '(vector,(0,1))',
    '(vector,(0,0,1))',
    '(vector,(0,1,0))',
  ])
    assert.is(nodesOfMapping(text, 1), undefined, text);
  for (const text of [
    '(vector,(0,1,1)),',
    '(vector,(0,1,1)x)',
    '(vector,(-1,1,1))',
    '(vector,(0,1,1)(1,1,1))',
  ])
    assert.is(nodesOfMapping(text, 1), undefined, text);
});

mapping('the built-in server writes what others write', () => {
  assert.is(formatMapping([0, 0, 0, 0]), '(vector,(0,1,4))');
  assert.is(formatMapping([0, 0, 0, 0, 0, 1, 2, 3]), '(vector,(0,1,5),(1,3,1))');
  assert.is(formatMapping([0, 1, 2, 0]), '(vector,(0,3,1),(0,1,1))');
});

mapping('every placement survives being written and read', () => {
  const SIZE = 6;
  for (let code = 0; code < 3 ** SIZE; code++) {
    const nodes = Array.from({ length: SIZE }, (_, rank) => Math.floor(code / 3 ** rank) % 3);
    assert.equal(nodesOfMapping(formatMapping(nodes), SIZE), dense(nodes));
  }
});

mapping.run();
