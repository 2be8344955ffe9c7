/**
 * Whole runs under the Hydra of MPICH 5 and that of Intel MPI, both from PyPI, on this machine
 * alone: with MPI inside Python and without, in both versions of PMI.
 */
import { execFile, execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { venvOf, whyNotFromPypi } from '../support/installed-launchers.ts';
import { pythonPackage } from '../support/python-package.ts';
import { scratch } from '../support/scratch.ts';
import { type Finished, PROJECT } from './cluster.ts';

const whyNot = whyNotFromPypi('mpich', 'impi-rt');

interface Kind {
  name: string;
  venv: 'mpich' | 'impi-rt';
  /** What the library inside Python says of itself. */
  library: string;
  /** Makes the library speak PMI-2. */
  pmi2: NodeJS.ProcessEnv;
  /** The method that is chosen then: Intel's server ends over PMI-2, and takes PMI-1 before it. */
  spoken: string;
  /** Arguments for this machine alone. */
  alone: readonly string[];
}

const KINDS: readonly Kind[] = [
  {
    name: 'mpich 5',
    venv: 'mpich',
    library: 'MPICH Version',
    pmi2: { MPIR_CVAR_PMI_VERSION: '2' },
    spoken: 'pmi2',
    alone: ['-launcher', 'fork'],
  },
  {
    name: 'intel mpi',
    venv: 'impi-rt',
    library: 'Intel(R) MPI Library',
    pmi2: { I_MPI_PMI: 'pmi2' },
    spoken: 'hydra',
    alone: ['-bootstrap', 'fork'],
  },
];

const RANK = 'import os; os.write(1, (os.environ["PMI_RANK"] + "\\n").encode())';
const sum = (library: string) => `
import os
import numpy
from mpi4py import MPI
assert numpy.__file__.startswith("/dev/shm/python-mpi-"), numpy.__file__
assert ${JSON.stringify(library)} in MPI.Get_library_version(), MPI.Get_library_version()
os.write(1, ("%d %d\\n" % (MPI.COMM_WORLD.rank, MPI.COMM_WORLD.allreduce(1))).encode())
`;
const FAILING = `
import os, time
if os.environ["PMI_RANK"] == "1": raise ValueError("no")
time.sleep(600)
`;

const lines = (text: string): string[] => text.split('\n').filter(Boolean).sort();
const ranks = (count: number) => Array.from({ length: count }, (_, rank) => `${rank}`);
const summed = (count: number) => ranks(count).map(rank => `${rank} ${count}`);

/** The usual package, but for its own MPI: the launcher's is to be found. */
const packageFile = join(scratch(), 'p.tar');
if (whyNot === undefined) {
  const strip = 'gzip -dc "$0" | tar --delete -f - ./lib/libmpi.so.12 >"$1"';
  execFileSync('sh', ['-ec', strip, pythonPackage(), packageFile]);
}

for (const { name, venv, library, pmi2, spoken, alone } of KINDS) {
  const settings = () => ({
    PYTHON_MPI_PACKAGES: packageFile,
    MPI4PY_MPIABI: 'mpich',
  });

  const onOne = suite(`${name} on one host`);
  const one = whyNot === undefined ? onOne : onOne.skip;
  if (whyNot !== undefined) console.log(`skipped: ${whyNot}`);

  const program = `${PROJECT}/bin/python-mpi`;
  const here = (
    start: readonly string[],
    script: string,
    more: NodeJS.ProcessEnv = {},
  ): Promise<Finished> => {
    const root = venvOf(venv);
    const intel = { I_MPI_ROOT: root, FI_PROVIDER: 'tcp', FI_PROVIDER_PATH: `${root}/lib` };
    const env = { ...process.env, ...settings(), ...more, LD_LIBRARY_PATH: `${root}/lib` };
    const args = [...alone, ...start, '-c', script];
    return new Promise(resolve => {
      const child = execFile(
        `${root}/bin/mpiexec`,
        args,
        { cwd: scratch(), env: venv === 'mpich' ? env : { ...env, ...intel }, timeout: 60_000 },
        (_, stdout, stderr) => resolve({ status: child.exitCode ?? 137, stdout, stderr }),
      );
      child.stdin?.end();
    });
  };

  one('mpi4py, and a script that fails', async () => {
    const { status, stdout, stderr } = await here(['-n', '2', program], sum(library));
    assert.is(status, 0, stderr);
    assert.equal(lines(stdout), summed(2));
    const failed = await here(['-n', '2', program], FAILING);
    assert.is(failed.status, 1);
    assert.match(failed.stderr, /^python-mpi: rank 1 on \S+ ended with ValueError$/m);
  });
  one('in the other version of PMI, and two programs in one job', async () => {
    // The MPI library of this MPICH does not start over PMI-2, with python-mpi or without.
    const script = spoken === 'pmi2' ? RANK : sum(library);
    const { status, stdout, stderr } = await here(['-n', '2', program], script, {
      ...pmi2,
      PYTHON_MPI_VERBOSE: '1',
    });
    assert.is(status, 0, stderr);
    assert.equal(lines(stdout), spoken === 'pmi2' ? ['0', '1'] : summed(2));
    assert.match(stderr, new RegExp(`rank 1 of 2, launched by ${spoken} `));
    const first = ['-n', '2', program, '-c', RANK, ':'];
    const two = await here([...first, '-n', '1', program], `${RANK}; os.write(1, b"other\\n")`);
    assert.is(two.status, 0, two.stderr);
    assert.equal(lines(two.stdout), ['0', '1', '2', 'other']);
  });

  onOne.run();
}
