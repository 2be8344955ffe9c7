/**
 * A job under srun without PMI, on nodes of its own of a bed that several share: one rank on each,
 * with a slow cable at its root so that there is time to do something to it. For tests of faults.
 */
import { writeFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { type Cluster, type Finished, PROJECT, type Running } from './cluster.ts';

/**
 * A cable this slow makes the broadcast last until the fault has been brought about; then it is
 * made fast again.
 */
export const SLOW = '2mbit';
/** What none of this takes on the slowest of machines, in milliseconds. */
const LIMIT_MS = 300_000;

/**
 * Says when it begins and when it has come to its end, on which node; waits between for a file, if
 * it is told to.
 */
const SCRIPT = `
import hashlib, os, socket, time
import staged
assert staged.__file__.startswith("/dev/shm/python-mpi-"), staged.__file__
def say(word):
    os.write(1, (word + " " + socket.gethostname() + "\\n").encode())
say("begins")
if "WAIT_FOR" in os.environ:
    while not os.path.exists(os.environ["WAIT_FOR"]):
        time.sleep(0.1)
import late
with open(staged.__file__.split("/lib/")[0] + "/big", "rb") as big:
    assert hashlib.sha256(big.read()).hexdigest() == os.environ["BIG"], "not what was sent"
say("here")
`;
/** Prints the digest of the large file. */
const PACK = `
mkdir -p tree/lib/python3/dist-packages tree/many && cd tree
for module in staged late; do echo >lib/python3/dist-packages/$module.py; done
head -c 20000000 /dev/urandom >big
for i in $(seq 100); do echo $i >many/$i; done
tar -cf ../p.tar . && sha256sum big && rm -r ../tree
`;
/**
 * For {@link SlurmJob.start}: a rank that is not started yet waits until {@link SlurmJob.release}.
 */
export const HELD = 'while [ ! -e "$HELD/start-$(hostname)" ]; do sleep 0.1; done; exec "$@"';

/** The package and the script of all jobs on a cluster. */
export interface Supplies {
  /** SHA-256 of the package's large file. */
  big: string;
}

export async function supply(cluster: Cluster): Promise<Supplies> {
  writeFileSync(`${cluster.shared}/script.py`, SCRIPT);
  const { status, stdout, stderr } = await cluster.on('head', ['sh', '-ec', PACK]);
  assert.is(status, 0, stderr);
  return { big: stdout.split(' ')[0]! };
}

export class SlurmJob {
  readonly nodes: readonly string[];
  readonly #cluster: Cluster;
  readonly #supplies: Supplies;
  #running!: Running;

  constructor(cluster: Cluster, nodes: readonly string[], supplies: Supplies) {
    this.#cluster = cluster;
    this.nodes = nodes;
    this.#supplies = supplies;
  }

  /**
   * @param around what each rank does before it becomes python-mpi, as a shell script that ends in
   *   `exec "$@"`
   * @param rate of the root's cable until {@link struck}
   */
  async start(
    options: readonly string[],
    around = 'exec "$@"',
    env: NodeJS.ProcessEnv = {},
    rate = SLOW,
  ): Promise<void> {
    const { shared } = this.#cluster;
    await this.#cluster.shape(this.nodes[0]!, rate);
    const count = String(this.nodes.length);
    const srun = ['--mpi=none', '--no-kill', '-w', this.nodes.join(','), '-N', count, '-n', count];
    const program = [`${PROJECT}/bin/python-mpi`, ...options, `${shared}/script.py`];
    this.#running = this.#cluster.start('srun', [...srun, 'sh', '-c', around, 'sh', ...program], {
      env: {
        PYTHON_MPI_PACKAGES: `${shared}/p.tar`,
        PYTHON_MPI_PYTHON: '/usr/bin/python3',
        BIG: this.#supplies.big,
        HELD: shared,
        ...env,
      },
      timeoutMs: LIMIT_MS,
    });
  }

  /** Lets ranks that are held start. */
  release(nodes: readonly string[]): void {
    for (const node of nodes) writeFileSync(`${this.#cluster.shared}/start-${node}`, '');
  }

  /** Waits until the broadcast has come so far on a node: files match. */
  async until(node: string, files: string): Promise<void> {
    const look = `until ls -d /dev/shm/python-mpi-*/${files} 2>/dev/null; do sleep 0.05; done`;
    const { status } = await this.#cluster.on(node, ['sh', '-c', look], { timeoutMs: LIMIT_MS });
    assert.is(status, 0, `${node} has no ${files}`);
  }

  /** Whether the broadcast has come so far on a node. */
  async has(node: string, files: string): Promise<boolean> {
    const look = `ls -d /dev/shm/python-mpi-*/${files}`;
    return (await this.#cluster.on(node, ['sh', '-c', look])).status === 0;
  }

  /** The fault is there: what is left of the broadcast may go as fast as it can. */
  async struck(): Promise<void> {
    await this.#cluster.shape(this.nodes[0]!, 'off');
  }

  /** Waits until every one of these nodes has said a word. */
  async says(word: string, nodes: readonly string[]): Promise<void> {
    await this.#running.says(said => nodes.every(node => said.includes(`${word} ${node}\n`)));
  }

  /**
   * The job fails for all who are left, with one line and one status, and Python starts nowhere. A
   * node whose leader was killed may say so besides: only it knows by what. And the root may warn
   * of a node that it never heard of.
   * @param orEnded some may have been ended by the one who found out
   */
  async fails(
    line: RegExp,
    survivors: readonly string[],
    status = 69,
    orEnded = false,
  ): Promise<void> {
    await this.#running.says(said =>
      survivors.every(node => said.includes(`error: ${node}: task`)),
    );
    const { stdout, stderr } = await this.#end();
    assert.is(stdout, '', stderr);
    const told =
      stderr.match(/^python-mpi: (?!warning: |the leader of node \w+ was killed ).*$/gm) ?? [];
    assert.is(told.length, 1, stderr);
    assert.match(told[0]!, line);
    const found = `Exited with exit code ${status}`;
    const ends = orEnded ? `(?:${found}|Terminated)` : found;
    for (const node of survivors) {
      assert.ok(new RegExp(`error: ${node}: task \\d+: ${ends}\n`).test(stderr), stderr);
    }
    assert.ok(stderr.includes(found), stderr);
  }

  /** Python runs to its end on these, and nowhere else. */
  async works(nodes: readonly string[]): Promise<Finished> {
    await this.says('here', nodes);
    const finished = await this.#end();
    assert.equal(finished.stdout.match(/(?<=^here ).*$/gm)?.sort(), [...nodes].sort());
    return finished;
  }

  /**
   * Slurm would wait for minutes for a node that does not answer: what it has to say is not the
   * subject.
   */
  async #end(): Promise<Finished> {
    await this.#running.signal('SIGKILL', 'group');
    return this.#running.ended;
  }
}

/** What happens to a job on so many nodes. */
export type Case = readonly [
  nodes: number,
  body: (job: SlurmJob, cluster: Cluster) => Promise<void>,
];

/**
 * Runs all cases at once on a cluster, each on nodes of its own. Most of their time is waiting for
 * what is silent.
 */
export async function runCases(
  cluster: Cluster,
  cases: Readonly<Record<string, Case>>,
): Promise<void> {
  const supplies = await supply(cluster);
  const free = [...cluster.nodes];
  const wrong: string[] = [];
  await Promise.all(
    Object.entries(cases).map(async ([name, [nodes, body]]) => {
      const job = new SlurmJob(cluster, free.splice(0, nodes), supplies);
      await body(job, cluster).catch(error => wrong.push(`${name}: ${error.stack}`));
    }),
  );
  assert.is(wrong.length, 0, wrong.join('\n\n'));
  const left = await cluster.leftovers();
  // Slurm's own: it waits for the nodes that were lost.
  assert.equal(
    left.filter(line => !/ slurmstepd: | (tcp|unix) /.test(line)),
    [],
  );
}

/** Nodes that all these cases need. */
export function nodesOf(cases: Readonly<Record<string, Case>>): number {
  return Object.values(cases).reduce((sum, [nodes]) => sum + nodes, 0);
}
