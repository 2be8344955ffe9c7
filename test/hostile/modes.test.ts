/**
 * What a run makes is its user's alone, whatever the umask says: every file and directory that is
 * there at any moment.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { pack, start } from '../support/job.ts';
import { scratch } from '../support/scratch.ts';

/**
 * Mode of everything below a directory, by path; symlinks have none. Things may come and go
 * meanwhile.
 */
function modesOf(directory: string, below = '', modes = new Map<string, number>()) {
  let entries: fs.Dirent[] = [];
  try {
    entries = fs.readdirSync(join(directory, below), { withFileTypes: true });
  } catch {
    // It has gone, or been renamed.
  }
  for (const entry of entries) {
    const name = join(below, entry.name);
    const stat = fs.lstatSync(join(directory, name), { throwIfNoEntry: false });
    if (stat === undefined || stat.isSymbolicLink()) continue;
    modes.set(name, stat.mode & 0o7777);
    // What Python itself writes is as open as its user's umask.
    if (stat.isDirectory() && entry.name !== '__pycache__') modesOf(directory, name, modes);
  }
  modes.delete(join(below, '__pycache__'));
  return modes;
}

/** What others could write to, or enter. */
function open(directory: string): string[] {
  return [...modesOf(directory)]
    .filter(([, mode]) => (mode & 0o7022) !== 0)
    .map(([name, mode]) => `${mode.toString(8)} ${name}`);
}

/** Runs a command with a umask that takes nothing away. */
const careless = ['sh', '-c', 'umask 000; exec "$@"', 'sh'];

/** Everything in it is open to all. */
async function openPackage(): Promise<string> {
  const old = process.umask(0);
  try {
    return await pack({ 'lib/python3/dist-packages/hello.py': '', 'bin/tool': '#!/bin/sh\n' });
  } finally {
    process.umask(old);
  }
}

const modes = suite('modes under umask 000');
const hello = await openPackage();

modes('a run with ranks, while Python runs and afterwards', async () => {
  const chroot = scratch();
  const gate = join(scratch(), 'gate');
  const code = `import os, time
print("up", flush=True)
while not os.path.exists("${gate}"): time.sleep(0.02)`;
  const args = ['-n', '2', '--keep', '--packages', hello, '-c', code];
  const job = start(args, { chroot, launcher: careless });
  try {
    await job.says('up\nup\n');
    const home = `python-mpi-${process.getuid!()}`;
    const seen = modesOf(chroot);
    assert.is(seen.get(home), 0o700);
    for (const kind of ['prefix', 'hold', 'members', 'lock'])
      assert.ok(
        [...seen.keys()].some(name => name.startsWith(`${home}/${kind}`)),
        kind,
      );
    assert.equal(open(chroot), []);
  } finally {
    fs.writeFileSync(gate, '');
  }
  const { status, err } = await job.ended;
  assert.is(status, 0, err);
  assert.equal(open(chroot), []);
});

modes('while packages are unpacked', async () => {
  const chroot = scratch();
  const large = await pack({ 'data/large': Buffer.alloc(80_000_000, 1) }, 'large.tar');
  const job = start(['--packages', `${hello}:${large}`, '-c', ''], { chroot, launcher: careless });
  let over = false;
  const ended = job.ended.finally(() => {
    over = true;
  });
  let drafts = 0;
  const found = new Set<string>();
  while (!over) {
    for (const name of modesOf(chroot).keys()) if (/draft-/.test(name)) drafts++;
    for (const line of open(chroot)) found.add(line);
    await new Promise(resolve => setImmediate(resolve));
  }
  assert.is((await ended).status, 0);
  assert.ok(drafts > 0);
  assert.equal([...found], []);
});

modes('the rendezvous file, and the directory made for it', async () => {
  const directory = join(scratch(), 'rendezvous');
  const env = {
    ALPS_APP_PE: '0',
    ALPS_APP_ID: '1',
    PYTHON_MPI_SIZE: '2',
    PYTHON_MPI_RENDEZVOUS: directory,
    PYTHON_MPI_TIMEOUT: '2',
  };
  const job = start(['--packages', hello, '-c', ''], { env, launcher: careless });
  while (!fs.existsSync(directory) || fs.readdirSync(directory).length === 0)
    await new Promise(resolve => setImmediate(resolve));
  assert.is(fs.statSync(directory).mode & 0o777, 0o700);
  for (const [name, mode] of modesOf(directory)) assert.is(mode, 0o600, name);
  await job.ended;
  assert.equal(fs.readdirSync(directory), []);
});

modes('python-mpi-bcast: what it makes besides the copy', async () => {
  const directory = scratch();
  const tidy = await pack({ 'd/f': 'x' });
  const program = fileURLToPath(new URL('../../bin/python-mpi-bcast', import.meta.url));
  const made = join(directory, 'made', 'for', 'it');
  const command = [...careless, program, '--extract', tidy, made];
  const { status, stderr } = spawnSync(command[0]!, command.slice(1), { encoding: 'utf8' });
  assert.is(status, 0, stderr);
  assert.ok(fs.existsSync(join(made, 'd/f')));
  assert.equal(open(directory), []);
});

modes.run();
