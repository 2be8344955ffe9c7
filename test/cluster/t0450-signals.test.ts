/**
 * Jobs that are cancelled while Python runs: by key, by scancel, at the end of their walltime.
 * Python gets the signals that it would have got without us, once each; afterwards the prefix is
 * gone, or after SIGKILL goes with the next run.
 */
import { writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type Cluster,
  type Launcher,
  PROJECT,
  type Running,
  whyNoCluster,
  withCluster,
} from './cluster.ts';

const signals = suite('signals');
const reason = whyNoCluster({ slurm: true });
const test = reason === undefined ? signals : signals.skip;
if (reason !== undefined) console.log(`skipped: ${reason}`);

/**
 * Says which signals it gets, and ends by the first that should end it, but not in its handler:
 * Python runs those of signals that came together by number, and SIGCONT, which Slurm sends first,
 * has the higher one.
 */
const SCRIPT = `
import os, signal, socket, time
over = False
def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())
def note(number, frame):
    global over
    say("got", signal.Signals(number).name, "by", socket.gethostname(), os.getpid())
    over = over or number in (signal.SIGTERM, signal.SIGINT)
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGCONT):
    signal.signal(number, note)
say("ready")
while not over:
    time.sleep(0.02)
os._exit(0)
`;
const STUBBORN = SCRIPT.replace('while not over', 'while True');
const LAUNCH: Partial<Record<Launcher, readonly string[]>> = {
  srun: ['--mpi=none', '-N2', '-n4', '--ntasks-per-node=2'],
  hydra: ['-n', '4', '-ppn', '2'],
  openmpi: ['-n', '4', '-N', '2', '-x', 'PYTHON_MPI_PACKAGES', '-x', 'PYTHON_MPI_PYTHON'],
};

/**
 * Starts a script on two ranks of each node, with our help or without, and waits until all are
 * ready.
 */
async function start(
  cluster: Cluster,
  launcher: Launcher,
  script: string,
  { plain = false } = {},
): Promise<Running> {
  const file = `${cluster.shared}/script-${script.length}.py`;
  writeFileSync(file, script);
  const program = plain ? ['/usr/bin/python3', file] : [`${PROJECT}/bin/python-mpi`, file];
  const job = cluster.start(launcher, [...LAUNCH[launcher]!, ...program], {
    env: {
      PYTHON_MPI_PACKAGES: `${cluster.shared}/p.tar.gz`,
      PYTHON_MPI_PYTHON: '/usr/bin/python3',
    },
  });
  await job.says(said => said.split('ready\n').length - 1 === 4);
  return job;
}

/** Which signals the Pythons of a job say they got; none of them may have got one twice. */
function got(stdout: string): string[] {
  const lines: string[] = stdout.match(/^got SIG.*$/gm) ?? [];
  const twice = lines.filter((line, i) => lines.indexOf(line) !== i && !line.includes('SIGCONT'));
  assert.equal(twice, []);
  return [...new Set(lines.map(line => line.split(' ')[1]!))].sort();
}

function onTwoNodes(body: (cluster: Cluster) => Promise<void>): () => Promise<void> {
  return () =>
    withCluster(
      2,
      async cluster => {
        const pack = 'mkdir d && echo x >d/x && tar -czf p.tar.gz d';
        assert.is((await cluster.on('head', ['sh', '-ec', pack])).status, 0);
        await body(cluster);
      },
      { slurm: true },
    );
}

/** Ways to end a job: who is told, and how. */
interface End {
  launcher: Launcher;
  end: (cluster: Cluster, job: Running) => Promise<unknown>;
  script?: string;
  /** Whether the launcher kills everything in the end, also who is there to clean up. */
  kills?: boolean;
}

async function twice(job: Running): Promise<void> {
  await job.signal('SIGINT', 'group');
  await job.says('interrupt');
  await job.signal('SIGINT', 'group');
}

const ENDS: Record<string, End> = {
  'scancel --signal=TERM': {
    launcher: 'srun',
    end: cluster => cluster.slurm('scancel', ['--user=root', '--signal=TERM']),
  },
  // What Slurm does when the walltime is over, too: SIGTERM, and SIGKILL after KillWait.
  scancel: { launcher: 'srun', end: cluster => cluster.slurm('scancel', ['--user=root']) },
  'scancel of a program that ignores it': {
    launcher: 'srun',
    script: STUBBORN,
    end: cluster => cluster.slurm('scancel', ['--user=root']),
    kills: true,
  },
  'Ctrl-C twice for srun': { launcher: 'srun', end: (_, job) => twice(job), kills: true },
  'SIGTERM to srun': { launcher: 'srun', end: (_, job) => job.signal('SIGTERM'), kills: true },
  'Ctrl-C for mpiexec.hydra': { launcher: 'hydra', end: (_, job) => job.signal('SIGINT', 'group') },
  'SIGTERM to mpiexec.hydra': { launcher: 'hydra', end: (_, job) => job.signal('SIGTERM') },
  'Ctrl-C for mpirun': { launcher: 'openmpi', end: (_, job) => job.signal('SIGINT', 'group') },
};

test(
  'Python gets what it would have got, and nothing is left',
  onTwoNodes(async cluster => {
    for (const [name, { launcher, end, script = SCRIPT, kills = false }] of Object.entries(ENDS)) {
      const seen: string[] = [];
      for (const plain of [true, false]) {
        const job = await start(cluster, launcher, script, { plain });
        await end(cluster, job);
        const { status, stdout } = await job.ended;
        // One that is killed while it tidies up has the status of that.
        const ending = kills ? '' : ` and ended with ${status}`;
        seen.push(`${name}: got ${got(stdout).join(' ')}${ending}`);
        if (kills) await sweptByTheNext(cluster, launcher);
        else assert.equal(await cluster.leftovers(), [], name);
      }
      assert.is(seen[1], seen[0]);
    }
  }),
);

/** Whatever is left goes with the next run. */
async function sweptByTheNext(cluster: Cluster, launcher: Launcher): Promise<void> {
  const job = await start(cluster, launcher, 'print("ready", flush=True)');
  assert.is((await job.ended).status, 0);
  assert.equal(await cluster.leftovers(), []);
}

signals.run();
