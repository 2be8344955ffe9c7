/**
 * What python-mpi-bundle says when a package cannot be made or is none, and what it leaves then.
 */
import { chmodSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { installIn } from '../support/installed.ts';
import { scratch } from '../support/scratch.ts';
import { bundle, command, files, must, PROGRAM } from './support.ts';

/** Enough for a write to fail, and nothing that compresses well. */
function source(): string {
  return files(scratch(), { 'a.txt': 'a', 'big.bin': Buffer.alloc(300_000, 'big') });
}

const failures = suite('bundle failures');

failures('--list of anything else says what it is not', () => {
  const root = files(scratch(), { 'x.tar.gz': 'nonsense', a: 'a' });
  must('tar', ['-czf', 'plain.tar.gz', 'a'], { cwd: root });
  const lists: readonly (readonly [string, number, string])[] = [
    ['x.tar.gz', 65, 'is no package'],
    ['plain.tar.gz', 65, 'has no manifest'],
    ['none.tar.gz', 66, 'does not exist'],
  ];
  for (const [name, code, text] of lists) {
    const { status, stderr } = bundle(['--list', name], { cwd: root });
    assert.is(status, code);
    assert.match(stderr, text);
    assert.is(stderr.trim().split('\n').length, 1);
  }
});

failures('what cannot be read is named, and nothing is left behind', () => {
  const root = files(scratch(), { 'in/fine': 'x', 'in/secret': 'y', 'tmp/.keep': '' });
  const out = join(root, 'out');
  mkdirSync(out);
  for (const path of [root, out, join(root, 'tmp')]) chmodSync(path, 0o777);
  chmodSync(join(root, 'in/secret'), 0);
  const program = join(installIn(scratch()), 'python-mpi-bundle');
  const args = ['-o', join(out, 'x.tar.gz'), '--dir', join(root, 'in')];
  const { status, stderr } = command(program, args, {
    cwd: root,
    env: { ...process.env, TMPDIR: join(root, 'tmp') },
    ...(process.getuid!() === 0 ? { uid: 65534 } : {}),
  });
  assert.is(status, 74, stderr);
  assert.match(stderr, 'in/secret may not be read');
  assert.equal(readdirSync(out), []);
  assert.equal(readdirSync(join(root, 'tmp')), ['.keep']);
});

failures('an old package of that name stays when the new one fails', () => {
  const root = files(scratch(), { 'x.tar.gz': 'old' });
  assert.is(bundle(['-o', join(root, 'x.tar.gz'), '--dir', join(root, 'none')]).status, 74);
  assert.is(readFileSync(join(root, 'x.tar.gz'), 'utf8'), 'old');
  assert.equal(readdirSync(root), ['x.tar.gz']);
});

failures('a write that fails is named, and leaves nothing', () => {
  const out = scratch();
  const limited = 'ulimit -f 64; exec "$@"';
  const args = [
    '-c',
    limited,
    'sh',
    process.execPath,
    PROGRAM,
    '-o',
    join(out, 'x.tar'),
    '--dir',
    source(),
  ];
  const { status, stderr } = command('bash', args);
  assert.is(status, 71, stderr);
  assert.match(stderr, 'x.tar cannot be written');
  assert.equal(readdirSync(out), []);
});

failures('the output is checked before any work', () => {
  const { status, stderr } = bundle(['-o', '/nowhere/x.tar', '--dir', source()]);
  assert.is(status, 71);
  assert.match(stderr, '/nowhere is no directory');
  assert.is(bundle(['-o', 'x.zip', '--dir', source()]).status, 64);
});

failures.run();
