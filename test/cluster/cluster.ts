/**
 * The cluster in a box (./bed) for tests: one bed per call of {@link withCluster}, gone afterwards however the
 * test ends, with a hard limit on everything that runs on it.
 */
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Deadline, pause } from '../../src/deadline.ts';

export type Launcher = 'hydra' | 'openmpi' | 'srun' | 'aprun';

/** Root of the project; nodes see it where the machine has it. */
export const PROJECT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

const BED = `${PROJECT}/test/cluster/bed`;
/** Exit status of a bed that this machine cannot have. */
const SKIP = 77;
/** How long a command may run that does not say otherwise, in milliseconds. */
const PATIENCE_MS = 60_000;
/** What `timeout` needs on top to make its point with SIGKILL, in milliseconds. */
const GRACE_MS = 10_000;

export interface RunOptions {
  /** Hard limit; the command is then terminated, and a second later killed. */
  timeoutMs?: number;
  /** Added to the environment of this process. */
  env?: NodeJS.ProcessEnv;
  /** Directory on all nodes; default the cluster's shared one. */
  cwd?: string;
}

export interface Finished {
  /** Exit status as a shell would give it; 124 or 137 when the limit was reached. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ClusterOptions {
  /** Whether there is to be a Slurm; default no. */
  slurm?: boolean;
}

/** Why this machine cannot have such a cluster, or undefined: what a suite asks before it registers tests. */
export function whyNoCluster(options: ClusterOptions = {}): string | undefined {
  const probe = spawnSync(BED, ['probe', ...flags(options)], { encoding: 'utf8' });
  return probe.status === SKIP ? probe.stderr.trim() : undefined;
}

function flags(options: ClusterOptions): string[] {
  return options.slurm === true ? [] : ['--no-slurm'];
}

export class Cluster {
  readonly nodes: readonly string[];
  /** A directory that all nodes see, removed at the end. /tmp and /dev/shm are each node's own. */
  readonly shared: string;
  readonly #name: string;
  #idle = new Set<string>();

  constructor(name: string, count: number, shared: string) {
    this.#name = name;
    this.nodes = Array.from({ length: count }, (_, i) => `n${i}`);
    this.shared = shared;
  }

  /** Runs a launcher on the head, with its own arguments and then a command. */
  run(launcher: Launcher, args: readonly string[], options: RunOptions = {}): Promise<Finished> {
    return this.on('head', [`${PROJECT}/test/cluster/bed.d/${launcher}`, ...args], options);
  }

  /** Runs a command on a node, or on `head`. */
  on(node: string, command: readonly string[], options: RunOptions = {}): Promise<Finished> {
    const limit = options.timeoutMs ?? PATIENCE_MS;
    const limited = ['timeout', '--kill-after=1', `${limit / 1000}`, ...command];
    return this.#bed(['on', node, ...limited], { ...options, timeoutMs: limit });
  }

  /** Cuts a node's cable, or mends it. */
  async link(node: string, state: 'up' | 'down'): Promise<void> {
    await this.#expectBed('link', node, state);
  }

  /** Limits a node's cable in both directions: a rate of tc(8) such as `1gbit`, or `off`. */
  async shape(node: string, rate: string): Promise<void> {
    await this.#expectBed('shape', node, rate);
  }

  /** Pulls a node's plug: its processes are gone, and its connections are not told. */
  async kill(node: string): Promise<void> {
    await this.#expectBed('kill', node);
  }

  /**
   * What jobs have left on the nodes: processes that were not there at the beginning, and what is in the users'
   * directories in /dev/shm besides their locks. Jobs may tidy up behind themselves, so this waits until there is nothing, for a time.
   */
  async leftovers(timeoutMs = 10_000): Promise<string[]> {
    const deadline = Deadline.after(timeoutMs);
    for (;;) {
      const found = [...(await this.#newProcesses()), ...(await this.#prefixes())];
      if (found.length === 0 || deadline.expired) return found;
      await pause(100);
    }
  }

  /** Takes what runs on the nodes now for the idle state. For {@link withCluster}. */
  async settle(): Promise<void> {
    this.#idle = new Set(await this.#processes());
  }

  async #processes(): Promise<string[]> {
    return (await this.#expectBed('ps')).split('\n').filter(Boolean);
  }

  async #newProcesses(): Promise<string[]> {
    return (await this.#processes()).filter(line => !this.#idle.has(line));
  }

  async #prefixes(): Promise<string[]> {
    const script =
      'find /dev/shm -path "/dev/shm/python-mpi-*/*" ! -name lock -prune -printf "$0 %p\\n"';
    const found = await Promise.all(
      this.nodes.map(node => this.on(node, ['sh', '-c', script, node])),
    );
    return found.flatMap(({ stdout }) => stdout.split('\n').filter(Boolean));
  }

  async #expectBed(...args: string[]): Promise<string> {
    const { status, stdout, stderr } = await this.#bed(args, {});
    if (status !== 0) throw new Error(`bed ${args.join(' ')}: status ${status}: ${stderr}`);
    return stdout;
  }

  #bed(args: readonly string[], options: RunOptions): Promise<Finished> {
    return new Promise((resolve, reject) => {
      const child = execFile(
        BED,
        args,
        {
          cwd: options.cwd ?? this.shared,
          env: { ...process.env, ...options.env, BED: this.#name },
          timeout: (options.timeoutMs ?? PATIENCE_MS) + GRACE_MS,
          killSignal: 'SIGKILL',
          maxBuffer: 64 << 20,
        },
        (error, stdout, stderr) => {
          if (child.exitCode === null && child.signalCode === null) reject(error);
          else resolve({ status: child.exitCode ?? 137, stdout, stderr });
        },
      );
      child.stdin!.end();
    });
  }
}

/**
 * Brings up a cluster of `count` nodes for the duration of `body`. The bed is tied to a pipe that this process
 * holds, so it also goes when this process is killed.
 */
export async function withCluster(
  count: number,
  body: (cluster: Cluster) => Promise<void>,
  options: ClusterOptions = {},
): Promise<void> {
  const name = `test-${process.pid}`;
  const args = ['hold', String(count), ...flags(options)];
  const holder = spawn(BED, args, {
    env: { ...process.env, BED: name },
    stdio: ['pipe', 'pipe', 'inherit'],
    // In a group of its own, to survive what ends ours and see the pipe close.
    detached: true,
  });
  const ended = once(holder, 'close');
  const [line] = await Promise.race([once(createInterface(holder.stdout), 'line'), ended]);
  if (line !== 'up') throw new Error(`bed ${args.join(' ')}: status ${line}`);

  mkdirSync(`${PROJECT}/build`, { recursive: true });
  const shared = mkdtempSync(`${PROJECT}/build/cluster-`);
  try {
    const cluster = new Cluster(name, count, shared);
    await cluster.settle();
    await body(cluster);
  } finally {
    holder.stdin.end();
    await ended;
    rmSync(shared, { recursive: true, force: true });
  }
}
