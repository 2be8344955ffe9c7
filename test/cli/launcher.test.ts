/** The starter in bin/: which Node it picks, and what it says when there is none. */
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { Script } from 'node:vm';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isFirstRank } from '../../src/pmi/rank-variables.ts';
import { PYTHON_MPI } from '../support/job.ts';
import { scratch } from '../support/scratch.ts';

/** A Node that only says what it is and what it was asked to run. */
function fakeNode(file: string, version: string): void {
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(
    file,
    `#!/bin/sh\n[ "$1" = --version ] && echo ${version} && exit\necho "${version} runs $*" >&2\nexit 3\n`,
  );
  chmodSync(file, 0o755);
}

/** An installation without a pinned Node, and a PATH with a Node of this version. */
function installation(version: string): { home: string; path: string } {
  const home = scratch();
  mkdirSync(join(home, 'bin'));
  mkdirSync(join(home, 'dist/bin'), { recursive: true });
  for (const name of ['python-mpi', 'python-mpi-bundle']) {
    copyFileSync(join(PYTHON_MPI, '..', name), join(home, 'bin', name));
    writeFileSync(join(home, 'dist/bin', `${name}.cjs`), '');
  }
  fakeNode(join(home, 'path/node'), version);
  return { home, path: `${join(home, 'path')}:/usr/bin:/bin` };
}

function call(program: string, path: string, env: NodeJS.ProcessEnv = {}) {
  const { status, stdout, stderr } = spawnSync(program, ['-c', 'a b'], {
    env: { PATH: path, ...env },
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

/** Variables in which launchers tell a rank its number. */
const RANKS = [
  ...['PMI_RANK', 'PMI_ID', 'PMIX_RANK', 'OMPI_COMM_WORLD_RANK', 'PALS_RANKID', 'ALPS_APP_PE'],
  ...['FLUX_TASK_RANK', 'JSM_NAMESPACE_RANK', 'MV2_COMM_WORLD_RANK', 'SLURM_PROCID'],
];

const launcher = suite('bin/python-mpi');

for (const version of ['v22.15.0', 'v22.20.1', 'v24.0.0', 'v100.1.0']) {
  launcher(`takes node ${version} of PATH where none is pinned`, () => {
    const { home, path } = installation(version);
    const { stderr } = call(join(home, 'bin/python-mpi'), path);
    assert.match(stderr, `${version} runs`);
    assert.match(stderr, /dist\/bin\/python-mpi\.cjs 0 -c a b\n$/);
  });
}

for (const version of ['v20.20.2', 'v22.14.9', 'v8.0.0', 'garbage', '']) {
  launcher(`refuses node '${version}' in one line`, () => {
    const { home, path } = installation(version);
    const { status, stderr } = call(join(home, 'bin/python-mpi'), path);
    assert.is(status, 79);
    assert.match(stderr, /^python-mpi: no Node of 22\.15 or later here.*\[NO_RUNTIME\]\n$/);
  });
}

launcher('prefers the pinned Node, and PYTHON_MPI_NODE to that', () => {
  const { home, path } = installation('v22.15.0');
  for (const arch of ['x64', 'arm64']) {
    fakeNode(join(home, `node_modules/node-linux-${arch}/bin/node`), 'v24.1.1');
  }
  assert.match(call(join(home, 'bin/python-mpi'), path).stderr, 'v24.1.1 runs');
  fakeNode(join(home, 'mine'), 'v26.0.0');
  const chosen = { PYTHON_MPI_NODE: join(home, 'mine') };
  assert.match(call(join(home, 'bin/python-mpi'), path, chosen).stderr, 'v26.0.0 runs');
});

launcher('an unusable PYTHON_MPI_NODE is an error, told by the first rank only', () => {
  const { home, path } = installation('v22.15.0');
  const wrong = { PYTHON_MPI_NODE: '/nonexistent' };
  const first = call(join(home, 'bin/python-mpi'), path, { ...wrong, PMI_RANK: '0' });
  assert.is(first.status, 79);
  assert.match(first.stderr, /PYTHON_MPI_NODE=\/nonexistent is not a Node/);
  for (const variable of RANKS) {
    const second = call(join(home, 'bin/python-mpi'), path, { ...wrong, [variable]: '1' });
    assert.is(second.status, 79);
    assert.is(second.stderr, '', variable);
    // The script and the program it starts have to agree.
    assert.not(isFirstRank({ [variable]: '1' }), variable);
    assert.ok(isFirstRank({ [variable]: '0' }), variable);
  }
});

launcher('works through a symlink, and its siblings too', () => {
  const { home, path } = installation('v22.15.0');
  for (const name of ['python-mpi', 'python-mpi-bundle']) {
    symlinkSync(`../bin/${name}`, join(home, 'path', name));
    assert.match(call(join(home, 'path', name), path).stderr, `dist/bin/${name}.cjs 0 `);
  }
});

launcher('says what is missing when it was never built', () => {
  const { home, path } = installation('v22.15.0');
  const { status, stderr } = call(join(home, 'bin/python-mpi-bundle'), path);
  assert.is(status, 3, stderr);
  const bare = scratch();
  mkdirSync(join(bare, 'bin'));
  copyFileSync(PYTHON_MPI, join(bare, 'bin/python-mpi'));
  const real = { PYTHON_MPI_NODE: process.execPath };
  const unbuilt = call(join(bare, 'bin/python-mpi'), path, real);
  assert.is(unbuilt.status, 79);
  assert.match(unbuilt.stderr, /^python-mpi: not built: .*make build.* \[NO_RUNTIME\]\n$/);
  const second = call(join(bare, 'bin/python-mpi'), path, { ...real, SLURM_PROCID: '1' });
  assert.is(second.status, 79);
  assert.is(second.stderr, '');
});

launcher('finds its program through a symlink that lies beside another pinned Node', () => {
  const other = join(scratch(), 'a project');
  mkdirSync(join(other, 'bin'), { recursive: true });
  for (const arch of ['x64', 'arm64']) {
    const node = join(other, `node_modules/node-linux-${arch}/bin/node`);
    mkdirSync(join(node, '..'), { recursive: true });
    symlinkSync(process.execPath, node);
  }
  symlinkSync(PYTHON_MPI, join(other, 'bin/mine'));
  const { stdout, stderr } = spawnSync(join(other, 'bin/mine'), ['--version'], {
    encoding: 'utf8',
  });
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/, stderr);
});

launcher('those who read `ps` line by line find the program in its line', () => {
  const { home, path } = installation('v24.0.0');
  const { stderr } = call(join(home, 'bin/python-mpi'), path);
  assert.match(stderr, /^[^\n]*dist\/bin\/python-mpi\.cjs [^\n]*\n$/);
});

launcher('what the user exports arrives in Python, whatever its name', () => {
  const mine = Object.fromEntries(
    ['self', 'node', 'home', 'arch', 'version', 'program', 'rank', 'MALLOC_ARENA_MAX'].map(name => [
      name,
      'mine',
    ]),
  );
  const env = { PATH: '/usr/bin:/bin', PWD: '/', LD_LIBRARY_PATH: '/a:/b', ...mine };
  const script = 'import json, os; print(json.dumps(dict(os.environ)))';
  const { stdout, stderr } = spawnSync(PYTHON_MPI, ['-c', script], {
    cwd: '/',
    env: { ...env, LC_CTYPE: 'C.UTF-8' },
    encoding: 'utf8',
  });
  assert.is(stderr, '');
  const { _, SHLVL, OLDPWD, ...arrived } = JSON.parse(stdout); // Only bash sets these, where it is sh.
  assert.equal(arrived, { ...env, LC_CTYPE: 'C.UTF-8' });
});

launcher('the pinned Node takes the code that was compiled for it, and could do without', () => {
  const file = join(PYTHON_MPI, '../../dist/bin/python-mpi.cjs');
  const program = readFileSync(file);
  const end = Number(program.toString('latin1', 2, 12));
  const source = program.toString('latin1', 0, end);
  assert.match(source, /^\/\/\d{10}\n\(function /);
  const script = new Script(source, { cachedData: program.subarray(end) });
  assert.is(script.cachedDataRejected, false);

  const home = scratch();
  mkdirSync(join(home, 'bin'));
  mkdirSync(join(home, 'dist/bin'), { recursive: true });
  copyFileSync(PYTHON_MPI, join(home, 'bin/python-mpi'));
  const cut = join(home, 'dist/bin/python-mpi.cjs');
  for (const bytes of [0, 8, program.length - end - 1]) {
    writeFileSync(cut, program.subarray(0, end + bytes));
    const { stdout, stderr } = spawnSync(join(home, 'bin/python-mpi'), ['--version'], {
      env: { PATH: '/usr/bin:/bin', PYTHON_MPI_NODE: process.execPath },
      encoding: 'utf8',
    });
    assert.match(stdout, /^\d+\.\d+\.\d+\n$/, stderr);
  }
});

launcher('a rank of srun --mpi=pmi2 becomes Python, and its connection goes along', async () => {
  const step = {
    SLURM_JOB_ID: '1',
    SLURM_STEP_ID: '0',
    SLURM_STEP_NODELIST: 'localhost',
    SLURM_STEP_TASKS_PER_NODE: '1',
    SLURM_STEP_NUM_TASKS: '1',
    SLURM_NTASKS: '1',
    SLURM_NODEID: '0',
    SLURM_PROCID: '0',
  };
  const script = `import os
with open(int(os.environ["PMI_FD"]), "wb") as pmi: pmi.write(b"%d" % os.getppid())`;
  const descriptor = 7;
  const stdio = [
    'ignore',
    'ignore',
    'inherit',
    'ignore',
    'ignore',
    'ignore',
    'ignore',
    'pipe',
  ] as const;
  const rank = spawn(PYTHON_MPI, ['-c', script], {
    env: { PATH: '/usr/bin:/bin', ...step, PMI_FD: String(descriptor) },
    stdio: [...stdio],
  });
  const parent = await text((rank.stdio as unknown as Readable[])[descriptor]!);
  assert.is(parent, String(process.pid));

  const closed = spawnSync(PYTHON_MPI, ['-c', script], {
    env: { PATH: '/usr/bin:/bin', ...step, PMI_FD: '9' },
    encoding: 'utf8',
  });
  assert.is(closed.status, 78);
  assert.match(closed.stderr, /^python-mpi: PMI_FD=9 is no open socket.*\[LAUNCHER\]\n$/);
});

launcher.run();
