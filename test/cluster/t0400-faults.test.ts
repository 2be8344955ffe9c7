/**
 * What becomes of a job when nodes are lost: a leader is killed or stops, a plug is pulled, a cable is cut; before, during
 * and after the broadcast, at positions with others behind them. Under srun without PMI, so that no launcher's own
 * clean-up stands between the fault and our answer.
 *
 * Most of the time is waiting for what is silent, so all jobs run at once, each on nodes of its own of one bed.
 */
import { writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { pause } from '../../src/deadline.ts';
import { type Cluster, PROJECT, type Running, whyNoCluster, withCluster } from './cluster.ts';

const faults = suite('faults');
const reason = whyNoCluster({ slurm: true });
const test = reason === undefined ? faults : faults.skip;
if (reason !== undefined) console.log(`skipped: ${reason}`);

/** A cable this slow makes the broadcast last until the fault has been brought about; then it is made fast again. */
const SLOW = '8mbit';

/** What none of this takes on the slowest of machines, in milliseconds. */
const LIMIT_MS = 120_000;

const SCRIPT = `
import os, socket, time
import staged
assert staged.__file__.startswith("/dev/shm/python-mpi-"), staged.__file__
def say(word):
    os.write(1, (word + " " + socket.gethostname() + "\\n").encode())
say("begins")
if "WAIT_FOR" in os.environ:
    while not os.path.exists(os.environ["WAIT_FOR"]):
        time.sleep(0.1)
import late
say("here")
`;
const PACK = `
mkdir -p tree/lib/python3/dist-packages tree/many && cd tree
for module in staged late; do echo >lib/python3/dist-packages/$module.py; done
head -c 20000000 /dev/urandom >big
for i in $(seq 100); do echo $i >many/$i; done
tar -cf ../p.tar . && rm -r ../tree
`;
/** A rank that is not started yet: it waits for a file named after its node, which for some never comes. */
const LATE = 'while [ ! -e "$HELD/start-$(hostname)" ]; do sleep 0.1; done; exec "$@"';

/** One job on nodes of its own, a rank on each. */
class Job {
  readonly nodes: readonly string[];
  readonly #cluster: Cluster;
  #running!: Running;

  constructor(cluster: Cluster, nodes: readonly string[]) {
    this.#cluster = cluster;
    this.nodes = nodes;
  }

  /** @param around what each rank does before it becomes python-mpi, as a shell script that ends in `exec "$@"` */
  async start(options: readonly string[], around = 'exec "$@"', env: NodeJS.ProcessEnv = {}) {
    const { shared } = this.#cluster;
    await this.#cluster.shape(this.nodes[0]!, SLOW);
    const count = String(this.nodes.length);
    const srun = ['--mpi=none', '--no-kill', '-w', this.nodes.join(','), '-N', count, '-n', count];
    const program = [`${PROJECT}/bin/python-mpi`, ...options, `${shared}/script.py`];
    this.#running = this.#cluster.start('srun', [...srun, 'sh', '-c', around, 'sh', ...program], {
      env: {
        PYTHON_MPI_PACKAGES: `${shared}/p.tar`,
        PYTHON_MPI_PYTHON: '/usr/bin/python3',
        HELD: shared,
        ...env,
      },
      timeoutMs: LIMIT_MS,
    });
  }

  /** Waits until the broadcast has come so far on a node: files match. */
  async until(node: string, files: string): Promise<void> {
    const look = `until ls -d /dev/shm/python-mpi-*/${files} 2>/dev/null; do sleep 0.05; done`;
    const { status } = await this.#cluster.on(node, ['sh', '-c', look], { timeoutMs: LIMIT_MS });
    assert.is(status, 0, `${node} has no ${files}`);
  }

  /** The fault is there: what is left of the broadcast may go as fast as it can. */
  async struck(): Promise<void> {
    await this.#cluster.shape(this.nodes[0]!, 'off');
  }

  /** Waits until every one of these nodes has said a word. */
  async says(word: string, nodes: readonly string[]): Promise<void> {
    await this.#running.says(said => nodes.every(node => said.includes(`${word} ${node}\n`)));
  }

  /** The job fails for all who are left, with one line, and Python starts nowhere. */
  async fails(line: string, survivors: readonly string[]): Promise<void> {
    await this.#running.says(said =>
      survivors.every(node => said.includes(`error: ${node}: task`)),
    );
    const { stdout, stderr } = await this.#end();
    assert.is(stdout, '', stderr);
    assert.equal(stderr.match(/^python-mpi: .*$/gm), [line]);
    for (const node of survivors) {
      assert.match(stderr, new RegExp(`error: ${node}: task \\d+: Exited with exit code 69`));
    }
  }

  /** Python runs to its end on these, and nowhere else. */
  async works(nodes: readonly string[]): Promise<void> {
    await this.says('here', nodes);
    const { stdout } = await this.#end();
    assert.equal(stdout.match(/(?<=^here ).*$/gm)?.sort(), [...nodes].sort());
  }

  /** Slurm would wait for minutes for a node that does not answer: what it has to say is not the subject. */
  async #end() {
    await this.#running.signal('SIGKILL', 'group');
    return this.#running.ended;
  }
}

const TOLERATE = ['--tolerate-lost-nodes'];

/** What happens to whom on how many nodes. The victim is never the last: there are always some behind it. */
const CASES: Record<string, [number, (job: Job, cluster: Cluster) => Promise<void>]> = {
  'a leader that is killed ends the job with the name of its node': [
    4,
    async (job, cluster) => {
      const [n0, n1, victim, n3] = job.nodes as [string, string, string, string];
      await job.start([]);
      await job.until(victim, 'draft-*/big');
      await cluster.signal(victim, 'SIGKILL', 'python-mpi\\.cjs');
      await job.struck();
      await job.fails(`python-mpi: lost node ${victim} [PEER_LOST]`, [n0, n1, n3]);
    },
  ],
  'a leader that is killed, tolerated': [
    4,
    async (job, cluster) => {
      const [n0, n1, victim, n3] = job.nodes as [string, string, string, string];
      await job.start(TOLERATE);
      await job.until(victim, 'draft-*/big');
      await cluster.signal(victim, 'SIGKILL', 'python-mpi\\.cjs');
      await job.struck();
      await job.works([n0, n1, n3]);
    },
  ],
  'a leader that stops delays those behind it for a while; when it goes on, it ends': [
    4,
    async (job, cluster) => {
      const [n0, n1, victim, n3] = job.nodes as [string, string, string, string];
      await job.start(TOLERATE);
      await job.until(victim, 'draft-*/big');
      await cluster.signal(victim, 'SIGSTOP', 'python-mpi\\.cjs');
      await job.struck();
      for (const node of [n0, n1, n3]) await job.until(node, 'prefix-*');
      await job.says('begins', [n0, n1, n3]);
      await cluster.signal(victim, 'SIGCONT', 'python-mpi\\.cjs');
      await job.works([n0, n1, n3]);
    },
  ],
  'a plug that is pulled before the rank has begun': [
    4,
    async (job, cluster) => {
      const [n0, n1, victim, n3] = job.nodes as [string, string, string, string];
      await job.start(['--timeout', '40'], LATE);
      for (const node of [n0, n1, n3]) writeFileSync(`${cluster.shared}/start-${node}`, '');
      await job.until(n0, 'draft-*');
      await cluster.kill(victim);
      await job.struck();
      await job.fails(`python-mpi: lost node ${victim} [PEER_LOST]`, [n0, n1, n3]);
    },
  ],
  'a plug that is pulled before the rank has begun, tolerated': [
    4,
    async (job, cluster) => {
      const [n0, victim, n2, n3] = job.nodes as [string, string, string, string];
      await job.start(['--timeout', '60', ...TOLERATE], LATE);
      for (const node of [n0, n2, n3]) writeFileSync(`${cluster.shared}/start-${node}`, '');
      await job.until(n0, 'draft-*');
      await cluster.kill(victim);
      await job.struck();
      await job.works([n0, n2, n3]);
    },
  ],
  'a plug that is pulled in the middle': [
    4,
    async (job, cluster) => {
      const [n0, n1, victim, n3] = job.nodes as [string, string, string, string];
      await job.start([]);
      await job.until(victim, 'draft-*/big');
      await cluster.kill(victim);
      await job.struck();
      await job.fails(`python-mpi: lost node ${victim} [PEER_LOST]`, [n0, n1, n3]);
    },
  ],
  'a cable that is cut in the middle, tolerated; whoever is alone ends by himself': [
    4,
    async (job, cluster) => {
      const [n0, victim, n2, n3] = job.nodes as [string, string, string, string];
      await job.start(TOLERATE);
      await job.until(victim, 'draft-*/big');
      await cluster.link(victim, 'down');
      await job.struck();
      await job.says('here', [n0, n2, n3]);
      const ours = async () => (await cluster.signal(victim, 'SIGCONT', 'python-mpi\\.cjs')).length;
      while ((await ours()) > 0) await pause(200);
      await job.works([n0, n2, n3]);
    },
  ],
  'a plug that is pulled when the stream has passed, but not arrived everywhere': [
    4,
    async (job, cluster) => {
      const [n0, victim, n2, n3] = job.nodes as [string, string, string, string];
      await cluster.shape(n3, SLOW);
      await job.start(TOLERATE);
      await job.struck();
      await job.until(victim, 'prefix-*');
      await cluster.kill(victim);
      await cluster.shape(n3, 'off');
      await job.works([n0, n2, n3]);
    },
  ],
  'a plug that is pulled while Python runs is no business of the others': [
    4,
    async (job, cluster) => {
      const [n0, victim, n2, n3] = job.nodes as [string, string, string, string];
      const go = `${cluster.shared}/go`;
      await job.start([], undefined, { WAIT_FOR: go });
      await job.says('begins', job.nodes);
      await cluster.kill(victim);
      await job.struck();
      writeFileSync(go, '');
      await job.works([n0, n2, n3]);
    },
  ],
  'in a binomial tree the orphans of two nodes find others': [
    20,
    async (job, cluster) => {
      // Position 8 has 7 others below it, position 4 has 3.
      const victims = [job.nodes[8]!, job.nodes[4]!];
      await job.start(TOLERATE);
      for (const victim of victims) await job.until(victim, 'draft-*/big');
      for (const victim of victims) await cluster.kill(victim);
      await job.struck();
      await job.works(job.nodes.filter(node => !victims.includes(node)));
    },
  ],
};

test('nodes that are lost', () => {
  const count = Object.values(CASES).reduce((sum, [nodes]) => sum + nodes, 0);
  return withCluster(
    count,
    async cluster => {
      writeFileSync(`${cluster.shared}/script.py`, SCRIPT);
      assert.is((await cluster.on('head', ['sh', '-ec', PACK])).status, 0);
      const free = [...cluster.nodes];
      const wrong: string[] = [];
      await Promise.all(
        Object.entries(CASES).map(async ([name, [nodes, body]]) => {
          const job = new Job(cluster, free.splice(0, nodes));
          await body(job, cluster).catch(error => wrong.push(`${name}: ${error.stack}`));
        }),
      );
      assert.is(wrong.length, 0, wrong.join('\n\n'));
      const left = await cluster.leftovers();
      // Slurm's own wait for the nodes that were lost.
      assert.equal(
        left.filter(line => !/ slurmstepd: | (tcp|unix) /.test(line)),
        [],
      );
    },
    { slurm: true },
  );
});

faults.run();
