/** Whole runs of python-mpi-bcast on one machine: no launcher, and Hydra. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { listing, scratch } from '../../support/scratch.ts';

const PROGRAM = fileURLToPath(new URL('../../../bin/python-mpi-bcast', import.meta.url));

function run(command: readonly string[]) {
  const [file, ...args] = command;
  return spawnSync(file!, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function makeTree(): string {
  const tree = join(scratch(), 'tree');
  fs.mkdirSync(join(tree, 'd'), { recursive: true });
  fs.writeFileSync(join(tree, 'd', 'f'), 'content');
  return tree;
}

const bcast = suite('launch: python-mpi-bcast');

for (const [what, launcher] of [
  ['no launcher', []],
  ['Hydra', ['mpiexec.hydra', '-n', '3']],
] as const) {
  bcast(`${what}: sent once, and one line each time`, () => {
    const [tree, directory] = [makeTree(), scratch()];
    const copy = () => run([...launcher, PROGRAM, tree, join(directory, 'copy')]);
    const first = copy();
    assert.match(first.stdout, /^\d+ bytes to 1 node in [\d.]+ s, [\d.]+ MB\/s\n$/, first.stderr);
    assert.is(first.status, 0);
    assert.equal(listing(join(directory, 'copy')), listing(tree));
    assert.match(copy().stdout, /^1 node had it already, nothing sent; /);
    assert.equal(fs.readdirSync(directory), ['copy']);
  });

  bcast(`${what}: a source that is not there, in one line`, () => {
    const directory = scratch();
    const { status, stdout, stderr } = run([
      ...launcher,
      PROGRAM,
      '/no/such/source',
      `${directory}/`,
    ]);
    assert.is(status, 74);
    assert.is(stdout, '');
    assert.match(stderr, /^python-mpi-bcast: cannot send \/no\/such\/source: ENOENT on .*\n$/);
    assert.equal(fs.readdirSync(directory), []);
  });
}

bcast('what cannot be copied is named as the user knows it', () => {
  const [tree, directory] = [makeTree(), scratch()];
  const pipe = join(tree, 'd', 'pipe');
  assert.is(run(['mkfifo', pipe]).status, 0);
  const { status, stderr } = run([PROGRAM, tree, join(directory, 'copy')]);
  assert.is(status, 74);
  assert.match(
    stderr,
    `python-mpi-bcast: cannot send ${pipe}: it is neither a file nor a directory on `,
  );
  assert.equal(fs.readdirSync(directory), []);
});

bcast('several sources go into a directory, one becomes what it is called', () => {
  const [tree, directory] = [makeTree(), scratch()];
  assert.is(run([PROGRAM, tree, join(tree, 'd', 'f'), join(directory, 'in')]).status, 0);
  assert.equal(fs.readdirSync(join(directory, 'in')), ['f', 'tree']);
  assert.is(run([PROGRAM, join(tree, 'd', 'f'), join(directory, 'name')]).status, 0);
  assert.is(fs.readFileSync(join(directory, 'name'), 'utf8'), 'content');
  const twice = run([PROGRAM, tree, tree, directory]);
  assert.is(twice.status, 64);
  assert.match(twice.stderr, /two sources would become .*\/tree/);
});

bcast.run();
