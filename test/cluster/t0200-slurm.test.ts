/**
 * Whole runs under Slurm's srun, on four nodes: every --mpi, with what Slurm's PMI servers are for
 * working afterwards inside Python; every placement; jobs that fail; and the ways to come by a
 * secret.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { pythonPackage } from '../support/python-package.ts';
import {
  type Cluster,
  clusterOf,
  type Finished,
  PROJECT,
  type RunOptions,
  whyNoCluster,
} from './cluster.ts';

const slurm = suite('slurm');
const reason = whyNoCluster({ slurm: true });
const test = reason === undefined ? slurm : slurm.skip;
if (reason !== undefined) console.log(`skipped: ${reason}`);

const KINDS = ['none', 'pmi2', 'pmix', 'cray_shasta'];
const TWO_PER_NODE = ['-N4', '-n8', '--ntasks-per-node=2', '--distribution=block'];
const TWO_PLACED = ['0 n0', '1 n0', '2 n1', '3 n1', '4 n2', '5 n2', '6 n3', '7 n3'];

/** One write per line, or two ranks' lines could meet. */
const SAY = `
import os, socket, sys
rank = int(os.environ["SLURM_PROCID"])
def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())
`;
const WHERE = `${SAY}
import numpy
assert numpy.__file__.startswith("/dev/shm/python-mpi-"), numpy.__file__
say(rank, socket.gethostname())
`;
const MPI = `${SAY}
from mpi4py import MPI
say(MPI.COMM_WORLD.allreduce(1), MPI.Get_library_version().split()[0])
`;

interface Job extends RunOptions {
  args: readonly string[];
  script: string;
  /** Command between srun and python-mpi. */
  through?: readonly string[];
  scriptArgs?: readonly string[];
}

let jobs = 0;
/**
 * Runs a script on all ranks. The packages stay on the nodes for the next job, unless its
 * environment says otherwise.
 */
function srun(
  cluster: Cluster,
  { args, script, through = [], scriptArgs = [], ...options }: Job,
): Promise<Finished> {
  const file = `${cluster.shared}/script-${jobs++}.py`;
  writeFileSync(file, script);
  return cluster.run(
    'srun',
    [...args, ...through, `${PROJECT}/bin/python-mpi`, file, ...scriptArgs],
    {
      ...options,
      env: { PYTHON_MPI_PACKAGES: pythonPackage(), PYTHON_MPI_KEEP: '1', ...options.env },
    },
  );
}

/** Non-empty lines, sorted: ranks print in any order. */
function lines(text: string): string[] {
  return text.split('\n').filter(Boolean).sort();
}

async function expectLines(job: Promise<Finished>, expected: string[], what: string) {
  const { status, stdout, stderr } = await job;
  assert.is(status, 0, `${what}: ${stderr}`);
  assert.equal(lines(stdout), expected, what);
}

const cluster = reason === undefined ? clusterOf(slurm, 4, { slurm: true }) : undefined;
const onFourNodes = (body: (cluster: Cluster) => Promise<void>) => () => body(cluster!());

test(
  'numpy and mpi4py from the node itself, whatever --mpi is',
  onFourNodes(async cluster => {
    for (const kind of KINDS) {
      const args = [`--mpi=${kind}`, ...TWO_PER_NODE];
      await expectLines(srun(cluster, { args, script: WHERE }), TWO_PLACED, kind);
    }
    for (const [kind, abi, library] of [
      ['pmi2', 'mpich', 'MPICH'],
      ['pmix', 'openmpi', 'Open'],
    ]) {
      const args = [`--mpi=${kind}`, ...TWO_PER_NODE];
      const env = { MPI4PY_MPIABI: abi };
      const expected = Array<string>(8).fill(`8 ${library}`);
      await expectLines(srun(cluster, { args, script: MPI, env }), expected, kind!);
    }
    // Who wishes to may speak PMI-2 with the server; MPI cannot afterwards, and says so at once.
    const wish = { PYTHON_MPI_LAUNCHER: 'pmi2' };
    const spoken = ['--mpi=pmi2', ...TWO_PER_NODE];
    await expectLines(
      srun(cluster, { args: spoken, script: WHERE, env: wish }),
      TWO_PLACED,
      'PMI-2',
    );
    const refused = await srun(cluster, { args: spoken, script: MPI, env: wish });
    assert.is(refused.stdout, '');
    assert.ok(refused.status !== 0 && refused.status !== 124, `${refused.status}`);
    assert.match(refused.stderr, /Unable to write to PMI_fd/);
    // The next one takes over what was kept, and leaves nothing.
    const args = ['--mpi=none', ...TWO_PER_NODE];
    const env = { PYTHON_MPI_KEEP: '0' };
    await expectLines(srun(cluster, { args, script: WHERE, env }), TWO_PLACED, 'the last one');
    assert.equal(await cluster.leftovers(), []);
  }),
);

test(
  'every placement, and two jobs at once',
  onFourNodes(async cluster => {
    const placed = (args: readonly string[], expected: string[], env: NodeJS.ProcessEnv = {}) =>
      expectLines(srun(cluster, { args, script: WHERE, env }), expected, args.join(' '));
    const hosts = `${cluster.shared}/hosts`;
    writeFileSync(hosts, 'n2\nn0\nn2\nn1\nn0\n');
    await placed(
      ['-N4', '-n6', '--distribution=cyclic'],
      ['0 n0', '1 n1', '2 n2', '3 n3', '4 n0', '5 n0'],
    );
    await placed(
      ['-N2', '-n5', '--distribution=plane=2'],
      ['0 n0', '1 n0', '2 n1', '3 n0', '4 n0'],
    );
    await placed(
      ['-N3', '-n5', '--distribution=arbitrary'],
      ['0 n2', '1 n0', '2 n2', '3 n1', '4 n0'],
      {
        SLURM_HOSTFILE: hosts,
      },
    );
    await placed(['-N1', '-n3'], ['0 n0', '1 n0', '2 n0']);
    // A node has 16 CPUs.
    const crowd = Array.from({ length: 17 }, (_, rank) => `${rank} n0`).sort();
    await placed(['-N1', '-n17', '--overcommit'], crowd);
    await placed(['-N1', '-n1'], ['0 n0']);
    await placed(['-N2', '-n3', ':', '-N1', '-n2'], ['0 n0', '1 n0', '2 n1', '3 n2', '4 n2']);
    await Promise.all([placed(TWO_PER_NODE, TWO_PLACED), placed(TWO_PER_NODE, TWO_PLACED)]);
  }),
);

test(
  'an exception on one rank ends the job, and says where',
  onFourNodes(async cluster => {
    const fail = 'if rank == 3: raise ValueError("no")\n';
    const waiting = `${SAY}${fail}import time; time.sleep(600)`;
    const inMpi = `${SAY}from mpi4py import MPI\n${fail}MPI.COMM_WORLD.barrier()`;
    for (const [kind, script, abi] of [
      ['none', waiting],
      ['pmi2', inMpi, 'mpich'],
      ['pmix', inMpi, 'openmpi'],
      ['cray_shasta', waiting],
    ]) {
      const env = { PYTHON_MPI_KEEP: '0', MPI4PY_MPIABI: abi };
      const args = [`--mpi=${kind}`, ...TWO_PER_NODE];
      const { status, stderr } = await srun(cluster, { args, script: script!, env });
      assert.ok(status !== 0 && status !== 124, `${kind}: ${status}`);
      assert.match(stderr, /^ValueError: no$/m, kind);
      assert.match(stderr, /^python-mpi: rank 3 on n1 ended with ValueError$/m, kind);
      assert.equal(await cluster.leftovers(), [], kind);
    }
    // A status of its own is no exception: srun passes it on, and the others run to their end.
    const leaving = `${SAY}import time\nif rank == 3: sys.exit(7)\nsay(rank)`;
    const { status, stdout } = await srun(cluster, { args: TWO_PER_NODE, script: leaving });
    assert.is(status, 7);
    assert.equal(lines(stdout), ['0', '1', '2', '4', '5', '6', '7']);
  }),
);

test(
  'the secret: from the environment, through a store, or one line that says how to set one',
  onFourNodes(async cluster => {
    // Without its configuration, Slurm's MUNGE is not found.
    const through = ['env', '-u', 'SLURM_CONF'];
    const args = ['--mpi=none', ...TWO_PER_NODE];
    const job = { args, through, script: WHERE };
    const refused = await srun(cluster, job);
    assert.is(refused.status, 80);
    const told = refused.stderr.split('\n').filter(line => line.startsWith('python-mpi: '));
    assert.is(told.length, 1, refused.stderr);
    assert.match(told[0]!, /export PYTHON_MPI_SECRET=.*\[NO_SECRET\]$/);

    const verbose = { PYTHON_MPI_VERBOSE: '1' };
    const users = { PYTHON_MPI_SECRET: 'correct horse battery staple', ...verbose };
    for (const [env, origin] of [
      [users, 'PYTHON_MPI_SECRET'],
      [{ PMI_SHARED_SECRET: '4711', ...users }, 'PMI_SHARED_SECRET'],
    ] as const) {
      const told = await srun(cluster, { ...job, env });
      assert.equal(lines(told.stdout), TWO_PLACED, told.stderr);
      assert.match(told.stderr, new RegExp(`secret: from ${origin}$`, 'm'));
    }
    const stored = await srun(cluster, {
      ...job,
      args: ['--mpi=pmix', ...TWO_PER_NODE],
      env: verbose,
    });
    assert.is(stored.status, 0, stored.stderr);
    assert.match(stored.stderr, /launcher slurm: without a secret and MUNGE/);
    assert.match(stored.stderr, /launched by pmix/);
    const sealed = await srun(cluster, { args, script: WHERE, env: verbose });
    assert.match(sealed.stderr, /launched by slurm/);
    assert.match(sealed.stderr, /secret: drawn by the root, in credentials of MUNGE/);
  }),
);

test(
  'a terminal, standard input, labels, files for output, and signals',
  onFourNodes(async cluster => {
    const two = ['-N2', '-n2'];
    const shown = await srun(cluster, {
      args: ['--label', ...two],
      script: `${SAY}say(rank, socket.gethostname())`,
    });
    assert.equal(lines(shown.stdout), ['0: 0 n0', '1: 1 n1'], shown.stderr);

    const files = await srun(cluster, {
      args: [`--output=${cluster.shared}/out.%t`, ...two],
      script: `${SAY}say("out", rank)`,
    });
    assert.is(files.status, 0, files.stderr);
    for (const rank of [0, 1])
      assert.is(readFileSync(`${cluster.shared}/out.${rank}`, 'utf8'), `out ${rank}\n`);

    // What comes in goes to rank 0, and its end too, also where a rank stays beside Python and
    // where none does.
    const script = `${cluster.shared}/reads.py`;
    writeFileSync(script, `${SAY}say(rank, repr(sys.stdin.read()))`);
    const run = `printf 'a\\nb' | '${PROJECT}/test/cluster/bed.d/srun' "$@" '${PROJECT}/bin/python-mpi' ${script}`;
    for (const input of [[], ['--input=0']]) {
      const fed = await cluster.on('head', ['sh', '-c', run, 'sh', ...two, ...input], {
        env: { PYTHON_MPI_PACKAGES: pythonPackage(), PYTHON_MPI_KEEP: '1' },
      });
      const heard = input.length === 0 ? "'a\\nb'" : "''";
      assert.equal(lines(fed.stdout), ["0 'a\\nb'", `1 ${heard}`], fed.stderr);
    }

    const terminal =
      'import os, pty, sys; os._exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))';
    const answers = `${cluster.shared}/terminal.py`;
    writeFileSync(answers, `${SAY}say(rank, [os.isatty(d) for d in (0, 1, 2)]); sys.exit(5)`);
    const pty = await cluster.on('head', [
      ...['/usr/bin/python3', '-c', terminal, `${PROJECT}/test/cluster/bed.d/srun`, '--pty'],
      ...['-n1', `${PROJECT}/bin/python-mpi`, '--packages', pythonPackage(), answers],
    ]);
    assert.match(pty.stdout, /0 \[True, True, True\]/);
    assert.is(pty.status, 5, pty.stdout);

    // Slurm without cgroups sends it to every process of the step: Python, who stays beside it, and
    // all they started.
    const counting = srun(cluster, {
      args: ['-N2', '-n4', '--ntasks-per-node=2'],
      script: readFileSync(`${PROJECT}/test/support/signals.py`, 'utf8'),
      scriptArgs: ['SLURM_PROCID', '99999', '99999'],
    });
    await cluster.reached('started', 4);
    const signal = (name: string) =>
      'export SLURM_CONF=$BED_STATE/slurm/slurm.conf; ' +
      `scancel --signal=${name} $(squeue --noheader --steps --format=%i | grep -v '[a-z]')`;
    await cluster.on('head', ['sh', '-c', signal('USR1')]);
    await cluster.reached('signalled', 4);
    await cluster.on('head', ['sh', '-c', signal('TERM')]);
    assert.equal(
      lines((await counting).stdout).map(line => line.split(' ').slice(0, 3).join(' ')),
      ['0 1 1', '1 1 1', '2 1 1', '3 1 1'],
    );
  }),
);

test(
  'ranks of another launcher inside an allocation are not taken for those of srun',
  onFourNodes(async cluster => {
    const inAllocation = (command: readonly string[], env: NodeJS.ProcessEnv) => {
      const configured = 'SLURM_CONF=$BED_STATE/slurm/slurm.conf exec "$@"';
      const salloc = ['salloc', '--quiet', ...TWO_PER_NODE, ...command];
      return cluster.on('head', ['sh', '-c', configured, 'sh', ...salloc], { env });
    };
    const script = `${cluster.shared}/allocated.py`;
    writeFileSync(script, MPI);
    const program = [`${PROJECT}/bin/python-mpi`, script];
    const env = { PYTHON_MPI_PACKAGES: pythonPackage(), PYTHON_MPI_VERBOSE: '1' };
    const hydra = await inAllocation(['mpiexec.hydra', '-n', '8', '-ppn', '2', ...program], env);
    assert.is(hydra.status, 0, hydra.stderr);
    assert.equal(lines(hydra.stdout), Array(8).fill('8 MPICH'));
    assert.match(hydra.stderr, /rank 7 of 8, launched by hydra/);

    const mpirun = ['mpirun.openmpi', '--allow-run-as-root', '--bind-to', 'none', '-n', '8'];
    const open = await inAllocation([...mpirun, ...program], { ...env, MPI4PY_MPIABI: 'openmpi' });
    assert.is(open.status, 0, open.stderr);
    assert.equal(lines(open.stdout), Array(8).fill('8 Open'));
    assert.match(open.stderr, /rank 7 of 8, launched by pmix/);

    // The shell of the allocation is no rank: Python runs once, and our own launcher where it is
    // asked for.
    const shell = `${cluster.shared}/shell.py`;
    writeFileSync(shell, 'import os; os.write(1, b"here\\n")');
    const alone = await inAllocation([`${PROJECT}/bin/python-mpi`, shell], env);
    assert.is(alone.stdout, 'here\n', alone.stderr);
    assert.match(alone.stderr, /rank 0 of 1, launched by single/);
    const local = await inAllocation([`${PROJECT}/bin/python-mpi`, '-n', '2', shell], env);
    assert.is(local.stdout, 'here\nhere\n', local.stderr);
    assert.match(local.stderr, /rank 0 of 2, launched by embedded/);
  }),
);

slurm.run();
