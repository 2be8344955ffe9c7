/**
 * What cannot work or will not be local is said in one line, and before anything is sent: whole
 * runs.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type Finished,
  leftovers,
  modulePackage,
  PYTHON_MPI,
  pack,
  run,
  start,
} from '../support/job.ts';
import { scratch } from '../support/scratch.ts';

const hello = await modulePackage('hello', 'WORD = "hello"\n');
const said = suite('launch: said in one line');

/** The run has failed with this status and one line, and Python has not started. */
function refused({ status, out, told }: Finished, expected: number, line: RegExp): void {
  assert.is(told.length, 1, told.join('\n'));
  assert.match(told[0]!, line);
  assert.is(status, expected);
  assert.is(out, '');
}

const PRINT = ['-c', 'print("ran")'];

for (const ranks of [[], ['-n', '2']]) {
  const how = ranks.join(' ') || 'one rank';

  said(`${how}: a script that is not there`, async () => {
    const chroot = scratch();
    const args = [...ranks, '--packages', hello, 'nonexistent.py'];
    refused(await run(args, { chroot }), 64, /cannot read the script nonexistent\.py \(ENOENT\)/);
    assert.equal(leftovers(chroot), []);
  });

  said(`${how}: Python as the script, and options of other launchers`, async () => {
    const given = [...ranks, '--packages', hello];
    refused(await run([...given, 'python3', 'x.py']), 64, /'python3' .*leave it out/);
    refused(await run([...given, '/usr/bin/python3.11', 'x.py']), 64, /leave it out/);
    refused(await run([...given, '-np', '4', 'x.py']), 64, /no option -np; .*with -n/);
  });

  said(`${how}: a variable that is nearly one of ours`, async () => {
    for (const [name, meant] of [
      ['PYTHON_MPI_PACKAGE', 'PYTHON_MPI_PACKAGES'],
      ['PYTHON_MPI_CHROOTS', 'PYTHON_MPI_CHROOT'],
      ['PYTHON_MPI_KEEPS', 'PYTHON_MPI_KEEP'],
    ] as const) {
      const finished = await run([...ranks, ...PRINT], { env: { [name]: 'x' } });
      refused(finished, 64, new RegExp(`no setting ${name}; did you mean ${meant}\\?`));
    }
    const other = await run([...ranks, ...PRINT], { env: { PYTHON_MPI_SITE_VERSION: '3' } });
    assert.is(other.status, 0);
    assert.equal(other.told, [
      'python-mpi: warning: PYTHON_MPI_SITE_VERSION is no setting of python-mpi',
    ]);
  });

  said(`${how}: one line on success, unless it is not wanted`, async () => {
    const args = [...ranks, '--packages', `${hello}:${hello}`, ...PRINT];
    const loud = { env: { PYTHON_MPI_QUIET: '' } };
    const { told } = await run(args, loud);
    assert.is(told.length, 1, told.join('\n'));
    assert.match(
      told[0]!,
      /: \d+\.\d MB \(2 packages\) on 1 node in \d+\.\d s, Python 3\.\d+\.\d+$/,
    );
    assert.equal((await run(args)).told, []);
    assert.equal((await run(['--quiet', ...args], loud)).told, []);
    assert.equal((await run([...ranks, ...PRINT], loud)).told, [], 'nothing was staged');
  });
}

said('a switch may have a value', async () => {
  const chroot = scratch();
  assert.is((await run(['--keep=yes', '--packages', hello, ...PRINT], { chroot })).status, 0);
  assert.is(leftovers(chroot).length, 1);
  refused(await run(['--keep=perhaps', ...PRINT]), 64, /--keep is 'perhaps'; it must be 0 or 1/);
});

said('what is no package is told with the command that makes one of it', async () => {
  const directory = scratch();
  const file = (name: string, content: string) => {
    writeFileSync(join(directory, name), Buffer.from(content, 'latin1'));
    return join(directory, name);
  };
  for (const [name, content, line] of [
    ['x.whl', 'PK\x03\x04', /is a wheel.*--pip \S+x\.whl/],
    ['x.conda', 'PK\x03\x04', /is a conda package.*conda create/],
    ['x.zip', 'PK\x03\x04', /is a zip archive.*unzip/],
    ['x.tar.bz2', 'BZh91AY', /bzip2.*gzip/],
    ['x.tar.xz', '\xfd7zXZ\0', /xz -dc/],
    ['x.sif', `#!/usr/bin/env run-singularity\n${'\0'.repeat(1)}SIF_MAGIC`, /container image/],
    ['x.squashfs', 'hsqs', /unsquashfs/],
    ['x.tar', 'no tar at all', /is no tar archive/],
  ] as const) {
    const path = file(name, content.padEnd(600, '\0'));
    refused(await run(['--packages', path, ...PRINT]), 65, line);
  }
  const tree = join(directory, 'env');
  mkdirSync(join(tree, 'bin'), { recursive: true });
  refused(await run(['--packages', tree, ...PRINT]), 74, /is a directory.*--dir \S+env/);
  writeFileSync(join(tree, 'bin/python3'), '');
  refused(await run(['--packages', tree, ...PRINT]), 74, /--prefix \S+env/);
  writeFileSync(join(tree, 'pyvenv.cfg'), '');
  refused(await run(['--packages', tree, ...PRINT]), 74, /--venv \S+env/);
});

said('packages that bring an interpreter which cannot run', async () => {
  const tree = scratch();
  mkdirSync(join(tree, 'bin'));
  symlinkSync('/nowhere/python3', join(tree, 'bin/python3'));
  const file = join(scratch(), 'p.tar');
  const tar = () => execFileSync('tar', ['-cf', file, '-C', tree, '.']);
  tar();
  refused(await run(['--packages', file, ...PRINT]), 127, /link to \/nowhere\/python3/);
  rmSync(join(tree, 'bin/python3'));
  writeFileSync(join(tree, 'bin/python3'), '');
  chmodSync(join(tree, 'bin/python3'), 0o644);
  tar();
  refused(await run(['--packages', file, ...PRINT]), 127, /cannot be executed/);
});

said('modules for another Python, and a tree below one directory', async () => {
  const other = await pack({
    'lib/python3.6/site-packages/_x.cpython-36m-x86_64-linux-gnu.so': '',
  });
  refused(await run(['--packages', other, ...PRINT]), 127, /for another Python or machine/);
  const below = await pack({ 'env/lib/python3.11/site-packages/x.py': '' });
  refused(await run(['--packages', below, ...PRINT]), 65, /below env\/ .*-C env \./);
  const old = await pack({ 'lib/python3.6/site-packages/x.py': '' });
  const { status, told } = await run(['--packages', old, '-c', 'import x']);
  assert.is(status, 0);
  assert.match(told.join('\n'), /^python-mpi: warning: packages for Python 3\.6 are used by \S+,/m);
});

if (process.getuid!() === 0) {
  said('a node-local directory from which nothing can be executed', async () => {
    const chroot = scratch();
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'noexec,size=20m', 'none', chroot]);
    try {
      for (const ranks of [[], ['-n', '2']]) {
        const finished = await run([...ranks, '--packages', hello, ...PRINT], { chroot });
        refused(finished, 73, /is mounted noexec/);
      }
    } finally {
      execFileSync('umount', [chroot]);
    }
  });
}

said('a directory that is removed under a job costs it no more than a warning', async () => {
  const chroot = scratch();
  const code = 'import sys; print("up", flush=True); sys.stdin.read(); sys.exit(5)';
  const job = start(['--packages', hello, '-c', code], { chroot, openInput: true });
  await job.says('up\n');
  rmSync(join(chroot, `python-mpi-${process.getuid!()}`), { recursive: true });
  job.child.stdin!.end();
  const { status, told } = await job.ended;
  assert.is(status, 5);
  assert.ok(
    told.every(line => line.startsWith('python-mpi: warning: ')),
    told.join('\n'),
  );
});

said('output that cannot be written', () => {
  const { status, stderr } = spawnSync(
    '/bin/sh',
    ['-c', `"$0" -n 2 -c 'print("lost")' >/dev/full`, PYTHON_MPI],
    { encoding: 'utf8', env: { PATH: process.env.PATH } },
  );
  assert.is(status, 71, stderr);
  assert.match(stderr, /^python-mpi: cannot write what the ranks print \(ENOSPC\) \[SYSTEM\]$/m);
});

said.run();
