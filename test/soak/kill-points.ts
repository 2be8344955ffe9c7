/**
 * Jobs that are struck at a seeded instant: one point is a job, a blow, and the proof afterwards
 * that nothing of the job is left on any node and that the next job works. Everything about a point
 * follows from its seed and number, but for what the machine's timing adds.
 */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { pause } from '../../src/deadline.ts';
import { type Cluster, PROJECT, type Running } from '../cluster/cluster.ts';

/** Who starts a job: on four nodes with two ranks each, or (`embedded`) four ranks on n0. */
export const LAUNCHERS = ['srun', 'hydra', 'aprun', 'openmpi', 'embedded'] as const;
export type JobLauncher = (typeof LAUNCHERS)[number];

/**
 * Any process of a job, by its command line: the ranks, before and after they became Python, and
 * their janitors.
 */
const OURS = 'python-mpi\\.cjs|kill-points-job\\.py|janitor\\.cjs';
/** Any but those who are there to clean up. */
const BUT_JANITORS = '(python-mpi\\.cjs|kill-points-job\\.py)';

/** Who is struck down. */
const VICTIMS = [
  'a rank',
  'a rank',
  'a rank',
  'the first of a node',
  'the first of a node',
  'a janitor',
  'the ranks of a node',
  'all on a node',
  'all ranks',
  'everything',
  'the launcher',
  'the launcher',
  "the launcher's group",
] as const;
type Victim = (typeof VICTIMS)[number];

/**
 * What a job itself allows staging to take, in seconds: so much, or so many times what an
 * undisturbed job takes in all, where the machine is slow.
 */
const TIMEOUT_S = 15;
const TIMES = 6;
/** Longest a job may take to end after that, in milliseconds. */
const END_MS = 60_000;
/**
 * Longest a janitor may take, in milliseconds: its own limit (src/launch/sweep.ts) and what a slow
 * machine adds.
 */
const TIDY_MS = 60_000;
/** Longest pause between an event of the job and the blow, in milliseconds. */
const MOMENT_MS = 120;

const SCRIPT = `
import os, time
import staged
assert staged.__file__.startswith("/dev/shm/python-mpi-"), staged.__file__
os.write(1, b"here\\n")
time.sleep(0.3)
`;

/** Numbers in [0, 1) that follow from a seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One blow: who, when, with what. */
interface Blow {
  launcher: JobLauncher;
  victim: Victim;
  signal: NodeJS.Signals;
  node: string;
  /** Which of several. */
  which: number;
  /** After so much of the lines that an undisturbed job says, from 0 to 1. */
  progress: number;
  /** And then so many milliseconds. */
  delay: number;
}

function blowOf(seed: number, point: number, launchers: readonly JobLauncher[]): Blow {
  const random = randomFrom(Math.imul(seed, 1_000_003) + point);
  const choose = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  const victim = choose(VICTIMS);
  // Who sends other signals than SIGKILL is the launcher or its user.
  const signals = victim.startsWith('the launcher') ? ['KILL', 'TERM', 'INT'] : ['KILL'];
  const launcher = choose(launchers);
  return {
    launcher,
    victim,
    signal: `SIG${choose(signals)}` as NodeJS.Signals,
    node: choose(launcher === 'embedded' ? ['n0'] : ['n0', 'n1', 'n2', 'n3']),
    which: Math.floor(random() * 1000),
    progress: random(),
    delay: Math.floor(random() * MOMENT_MS),
  };
}

/** Jobs on one cluster. */
export class KillPoints {
  readonly #cluster: Cluster;
  readonly #launchers: readonly JobLauncher[];
  readonly #script: string;
  readonly #env: NodeJS.ProcessEnv;
  /** What a job allows staging to take, in seconds. */
  #timeout = END_MS / 1000;
  /** Lines that an undisturbed, verbose job of each launcher says. */
  readonly #lines = new Map<JobLauncher, number>();

  private constructor(cluster: Cluster, launchers: readonly JobLauncher[]) {
    this.#cluster = cluster;
    this.#launchers = launchers;
    this.#script = `${cluster.shared}/kill-points-job.py`;
    this.#env = {
      PYTHON_MPI_PACKAGES: `${cluster.shared}/staged.tar.gz`,
      PYTHON_MPI_PYTHON: '/usr/bin/python3',
      PYTHON_MPI_RENDEZVOUS: `${cluster.shared}/rendezvous`,
      PYTHON_MPI_SIZE: '8',
      PYTHON_MPI_QUIET: '1',
    };
  }

  /** Makes the package, and sees that undisturbed jobs work. */
  static async on(cluster: Cluster, launchers: readonly JobLauncher[]): Promise<KillPoints> {
    const points = new KillPoints(cluster, launchers);
    writeFileSync(points.#script, SCRIPT);
    mkdirSync(`${cluster.shared}/rendezvous`, { mode: 0o700 });
    const pack = `
      mkdir -p tree/lib/python3/dist-packages tree/many && cd tree
      echo >lib/python3/dist-packages/staged.py
      head -c 6000000 /dev/urandom >big
      for i in $(seq 200); do echo $i >many/$i; done
      tar -czf ../staged.tar.gz . && rm -r ../tree`;
    await cluster.on('head', ['sh', '-ec', pack]);
    // So that the broadcast takes its time, too.
    await cluster.shape('n0', '200mbit');
    let slowest = 0;
    for (const launcher of launchers) {
      const { stdout, stderr } = await points.#start(launcher, { PYTHON_MPI_VERBOSE: '1' }).ended;
      points.#lines.set(launcher, (stdout + stderr).split('\n').length - 1);
      const begun = performance.now();
      const fault = await points.#undisturbed(launcher);
      if (fault !== undefined) throw new Error(`${launcher}, before any blow: ${fault}`);
      slowest = Math.max(slowest, (performance.now() - begun) / 1000);
    }
    points.#timeout = Math.ceil(Math.max(TIMEOUT_S, TIMES * slowest));
    return points;
  }

  /**
   * Strikes one job.
   * @returns what the point is, what came of it, and what was wrong: nothing, normally
   */
  async strike(seed: number, point: number): Promise<{ what: string; faults: string[] }> {
    const blow = blowOf(seed, point, this.#launchers);
    const { launcher, victim, node, signal, progress, delay } = blow;
    const lines = Math.floor(progress * this.#lines.get(launcher)!);
    const job = this.#start(launcher, { PYTHON_MPI_VERBOSE: '1' });
    const begun = await job
      .says(said => said.split('\n').length > lines)
      .then(
        () => true,
        () => false,
      );
    await pause(delay);
    let over = !begun;
    void job.ended.then(() => {
      over = true;
    });
    // Whom it is meant for may not be there yet.
    let struck: string[] = [];
    while (struck.length === 0 && !over) struck = await this.#blow(blow, job);
    const { status, stderr } = await job.ended;
    const faults: string[] = [];
    if (status === 124) faults.push(`did not end: ${stderr}`);
    const told = stderr.match(/^python-mpi: (?!\[ *\d).*$/gm) ?? [];
    if (told.length > 1) faults.push(`more than one line: ${told.join(' | ')}`);
    if (/^ {4}at .*:\d+/m.test(stderr)) faults.push(`a stack trace: ${stderr}`);

    await this.#forget(launcher);
    // No process is left to remove the files of a node on which all were killed, until the next run
    // comes by. Slurm kills all of a step that has lost its srun, however it hides.
    const helpless =
      ['a janitor', 'all on a node', 'everything'].includes(victim) ||
      (launcher === 'srun' && victim.startsWith('the launcher'));
    const expected = helpless ? / \/dev\/shm\// : undefined;
    faults.push(...(await this.#cluster.leftovers(TIDY_MS, expected)));
    const next = await this.#undisturbed(launcher);
    if (next !== undefined) faults.push(`the next run: ${next}`);
    faults.push(
      ...(await this.#cluster.leftovers(TIDY_MS)).map(line => `after the next run: ${line}`),
    );
    faults.push(
      ...readdirSync(this.#env.PYTHON_MPI_RENDEZVOUS!).map(name => `the rendezvous file ${name}`),
    );

    const whom =
      victim.includes('node') || victim === 'a rank' || victim === 'a janitor' ? ` ${node}` : '';
    const came = told[0] === undefined ? '' : `, ${told[0]}`;
    const what =
      `${launcher}: ${signal} to ${victim}${whom} at line ${lines} of ${this.#lines.get(launcher)} + ${delay} ms: ` +
      `${struck.length} struck, status ${status}${came}`;
    return { what, faults };
  }

  #start(launcher: JobLauncher, env: NodeJS.ProcessEnv): Running {
    const program = [`${PROJECT}/bin/python-mpi`, this.#script];
    const timeout = { PYTHON_MPI_TIMEOUT: String(this.#timeout) };
    const options = {
      env: { ...this.#env, ...timeout, ...env },
      timeoutMs: this.#timeout * 1000 + END_MS,
    };
    switch (launcher) {
      case 'srun':
        return this.#cluster.start(
          'srun',
          ['--quiet', '--mpi=none', '-N4', '-n8', ...program],
          options,
        );
      case 'hydra':
        return this.#cluster.start('hydra', ['-n', '8', '-ppn', '2', ...program], options);
      case 'aprun':
        return this.#cluster.start('aprun', ['-n', '8', '-N', '2', ...program], options);
      case 'openmpi':
        return this.#cluster.start(
          'openmpi',
          [
            '-n',
            '8',
            '-N',
            '2',
            ...Object.keys(options.env).flatMap(name => ['-x', name]),
            ...program,
          ],
          options,
        );
      case 'embedded': {
        const [file, ...args] = program as [string, ...string[]];
        return this.#cluster.startOn('n0', [file, '-n', '4', ...args], options);
      }
    }
  }

  async #blow({ victim, node, signal, which }: Blow, job: Running): Promise<string[]> {
    const { nodes } = this.#cluster;
    const onAll = async (pattern: string) =>
      (await Promise.all(nodes.map(n => this.#cluster.signal(n, signal, pattern)))).flat();
    switch (victim) {
      case 'a rank':
        return this.#cluster.signal(node, signal, BUT_JANITORS, which);
      case 'the first of a node':
        return this.#cluster.signal(node, signal, BUT_JANITORS, 0);
      case 'a janitor':
        return this.#cluster.signal(node, signal, 'janitor\\.cjs', which);
      case 'the ranks of a node':
        return this.#cluster.signal(node, signal, BUT_JANITORS);
      case 'all on a node':
        return this.#cluster.signal(node, signal, OURS);
      case 'all ranks':
        return onAll(BUT_JANITORS);
      case 'everything':
        return onAll(OURS);
      case 'the launcher':
        await job.signal(signal);
        return ['the launcher'];
      case "the launcher's group":
        await job.signal(signal, 'group');
        return ['the launcher'];
    }
  }

  /** Slurm keeps the job of a killed srun until it is cancelled. */
  async #forget(launcher: JobLauncher): Promise<void> {
    if (launcher !== 'srun') return;
    const forget = 'scancel --user=root; while [ -n "$(squeue --noheader)" ]; do sleep 0.1; done';
    const { status, stderr } = await this.#cluster.slurm('sh', ['-c', forget]);
    if (status !== 0) throw new Error(`the job stays in Slurm's queue: ${stderr}`);
  }

  /** What is wrong with a job that is left alone. */
  async #undisturbed(launcher: JobLauncher): Promise<string | undefined> {
    const { status, stdout, stderr } = await this.#start(launcher, {}).ended;
    // mpirun.openmpi itself, now and then, about its own children.
    const errors = stderr.replace(/^.*plm:rsh: Warning: setpgid.*\n/gm, '');
    const here = stdout.split('\n').filter(line => line === 'here').length;
    const ranks = launcher === 'embedded' ? 4 : 8;
    if (status === 0 && here === ranks && errors === '') return undefined;
    return `status ${status}, ${here} of ${ranks} ranks, ${errors}`;
  }
}
