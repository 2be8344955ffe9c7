/**
 * The cluster in a box (./bed) for tests: one bed per call of {@link withCluster}, gone afterwards
 * however the test ends, with a hard limit on everything that runs on it.
 */
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Deadline, pause } from '../../src/deadline.ts';

export type Launcher = 'hydra' | 'openmpi' | 'mpich5' | 'impi' | 'srun' | 'aprun';

/** Root of the project; nodes see it where the machine has it. */
export const PROJECT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

const BED = `${PROJECT}/test/cluster/bed`;
/** Exit status of a bed that this machine cannot have. */
const SKIP = 77;
/** How long a command may run that does not say otherwise, in milliseconds. */
const PATIENCE_MS = 240_000;
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

/** A launcher that has been started. */
export interface Running {
  readonly ended: Promise<Finished>;
  /**
   * Resolves once what it has said, to stdout and stderr, is this; rejects when it ends without.
   */
  says(what: string | RegExp | ((said: string) => boolean)): Promise<void>;
  /** Sends a signal to it, or to its process group as a terminal does. It may have ended. */
  signal(signal: NodeJS.Signals, to?: 'group'): Promise<void>;
}

export interface ClusterOptions {
  /** Whether there is to be a Slurm; default no. */
  slurm?: boolean;
  /** Whether the nodes are to reach each other by IPv6 and nothing else; default no. */
  ipv6?: boolean;
}

/**
 * Why this machine cannot have such a cluster, or undefined: what a suite asks before it registers
 * tests.
 */
export function whyNoCluster(options: ClusterOptions = {}): string | undefined {
  const probe = spawnSync(BED, ['probe', ...flags(options)], { encoding: 'utf8' });
  return probe.status === SKIP ? probe.stderr.trim() : undefined;
}

/** The command with a hard limit in milliseconds: terminated, and a second later killed. */
function limited(limit: number, command: readonly string[]): string[] {
  return ['timeout', '--kill-after=1', `${limit / 1000}`, ...command];
}

function flags(options: ClusterOptions): string[] {
  return [
    ...(options.slurm === true ? [] : ['--no-slurm']),
    ...(options.ipv6 === true ? ['--ipv6'] : []),
  ];
}

export class Cluster {
  readonly nodes: readonly string[];
  /**
   * A directory that all nodes see, removed at the end. /tmp and /dev/shm are each node's own. Its
   * path has no character that a shell would care for, and every user may walk to it, wherever the
   * checkout lies.
   */
  readonly shared: string;
  readonly #name: string;
  #idle = new Set<string>();
  #started = 0;

  constructor(name: string, count: number, shared: string) {
    this.#name = name;
    this.nodes = Array.from({ length: count }, (_, i) => `n${i}`);
    this.shared = shared;
  }

  /** Runs a launcher on the head, with its own arguments and then a command. */
  run(launcher: Launcher, args: readonly string[], options: RunOptions = {}): Promise<Finished> {
    return this.on('head', [`${PROJECT}/test/cluster/bed.d/${launcher}`, ...args], options);
  }

  /** Runs a command of Slurm's, or one that calls some, on the head. */
  slurm(command: string, args: readonly string[], options: RunOptions = {}): Promise<Finished> {
    return this.on(
      'head',
      [`${PROJECT}/test/cluster/bed.d/slurm`, 'client', command, ...args],
      options,
    );
  }

  /** Starts a launcher on the head, as {@link run}, in a process group of its own. */
  start(launcher: Launcher, args: readonly string[], options: RunOptions = {}): Running {
    return this.startOn('head', [`${PROJECT}/test/cluster/bed.d/${launcher}`, ...args], options);
  }

  /** Starts a command on a node, or on `head`, in a process group of its own. */
  startOn(node: string, command: readonly string[], options: RunOptions = {}): Running {
    const file = `${this.shared}/pid-${this.#started++}`;
    const script = 'echo $$ >"$0.new" && mv "$0.new" "$0" && exec "$@"';
    let said = '';
    let over = false;
    const waiters = new Set<() => void>();
    const wake = () => {
      for (const waiter of waiters) waiter();
    };
    const hears = (text: string) => {
      said += text;
      wake();
    };
    const limit = options.timeoutMs ?? PATIENCE_MS;
    const ended = this.#bed(
      ['on', node, ...limited(limit, ['setsid', '--wait', 'sh', '-c', script, file, ...command])],
      { ...options, timeoutMs: limit },
      hears,
    ).finally(() => {
      over = true;
      wake();
    });
    return {
      ended,
      says: what =>
        new Promise((resolve, reject) => {
          const heard = () => {
            if (typeof what === 'string') return said.includes(what);
            return typeof what === 'function' ? what(said) : what.test(said);
          };
          const look = () => {
            if (heard()) resolve();
            else if (over) reject(new Error(`ended without saying ${what}: ${said}`));
            else return;
            waiters.delete(look);
          };
          waiters.add(look);
          look();
        }),
      signal: async (signal, to) => {
        let pid: string | undefined;
        while (!over && pid === undefined) {
          try {
            pid = readFileSync(file, 'utf8').trim();
          } catch {
            await pause(5);
          }
        }
        if (pid === undefined) return;
        const target = to === 'group' ? `-${pid}` : pid;
        await this.on(node, ['kill', '-s', signal.slice(3), '--', target]);
      },
    };
  }

  /** Runs a command on a node, or on `head`. */
  on(node: string, command: readonly string[], options: RunOptions = {}): Promise<Finished> {
    const limit = options.timeoutMs ?? PATIENCE_MS;
    return this.#bed(['on', node, ...limited(limit, command)], { ...options, timeoutMs: limit });
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
   * Sends a signal to processes of a node.
   * @param pattern what their command lines hold, as grep -E takes it
   * @param which only one of them: this number modulo how many there are, in order of their pids
   * @returns the command lines of those
   */
  async signal(
    node: string,
    signal: NodeJS.Signals,
    pattern: string,
    which?: number,
  ): Promise<string[]> {
    const one = which === undefined ? [] : [String(which)];
    const struck = await this.#expectBed('signal', node, signal.slice(3), pattern, ...one);
    return struck.split('\n').filter(Boolean);
  }

  /**
   * What jobs have left on the nodes that was not there at the beginning: processes, listening
   * sockets, and files of ours in /dev/shm and /tmp besides the users' locks. Jobs may tidy up
   * behind themselves, so this waits until there is nothing, for a time.
   * @param expected what may stay, and is neither waited for nor returned
   */
  async leftovers(timeoutMs = 10_000, expected?: RegExp): Promise<string[]> {
    const deadline = Deadline.after(timeoutMs);
    for (;;) {
      const found = (await this.#present()).filter(
        line => !this.#idle.has(line) && expected?.test(line) !== true,
      );
      if (found.length === 0 || deadline.expired) return found;
      await pause(100);
    }
  }

  /**
   * Waits until so many ranks of a job have left a file `stage-...` in the shared directory, for as
   * long as a command may run.
   */
  async reached(stage: string, ranks: number): Promise<void> {
    const look = `until [ $(ls | grep -c ^${stage}-) -eq ${ranks} ]; do sleep 0.1; done`;
    const { status } = await this.on('head', ['sh', '-c', look]);
    if (status !== 0) throw new Error(`the job did not get to '${stage}'`);
  }

  /** TCP ports that processes of a node listen on. */
  async ports(node: string): Promise<string[]> {
    const listening = (await this.#expectBed('ports')).matchAll(/^(\S+) tcp \S+:(\S+)$/gm);
    return [...listening]
      .filter(([, at]) => at === node)
      .map(([, , port]) => `${Number(`0x${port}`)}`);
  }

  /** Takes what runs on the nodes now for the idle state. For {@link withCluster}. */
  async settle(): Promise<void> {
    this.#idle = new Set(await this.#present());
  }

  /** Processes, listening sockets and files. */
  async #present(): Promise<string[]> {
    return [...(await this.#activity()), ...(await this.#files())];
  }

  /** Processes and listening sockets. */
  async #activity(): Promise<string[]> {
    const text = `${await this.#expectBed('ps')}\n${await this.#expectBed('ports')}`;
    return text.split('\n').filter(Boolean);
  }

  async #files(): Promise<string[]> {
    // The checkout itself may lie there.
    const script =
      'find /dev/shm /tmp -mindepth 1 -samefile "$1" -prune ' +
      '-o -name "*python-mpi*" ! -name "python-mpi-*" -prune -printf "$0 %p\\n" ' +
      '-o -path "*/python-mpi-*/*" ! -name lock -prune -printf "$0 %p\\n"';
    const found = await Promise.all(
      this.nodes.map(node => this.on(node, ['sh', '-c', script, node, PROJECT])),
    );
    return found.flatMap(({ stdout }) => stdout.split('\n').filter(Boolean));
  }

  async #expectBed(...args: string[]): Promise<string> {
    const { status, stdout, stderr } = await this.#bed(args, {});
    if (status !== 0) throw new Error(`bed ${args.join(' ')}: status ${status}: ${stderr}`);
    return stdout;
  }

  #bed(
    args: readonly string[],
    options: RunOptions,
    hears: (text: string) => void = () => {},
  ): Promise<Finished> {
    return new Promise((resolve, reject) => {
      const child = execFile(
        BED,
        args,
        {
          cwd: options.cwd ?? this.shared,
          env: { ...process.env, PYTHON_MPI_QUIET: '1', ...options.env, BED: this.#name },
          timeout: (options.timeoutMs ?? PATIENCE_MS) + GRACE_MS,
          killSignal: 'SIGKILL',
          maxBuffer: 64 << 20,
        },
        (error, stdout, stderr) => {
          if (child.exitCode === null && child.signalCode === null) reject(error);
          else resolve({ status: child.exitCode ?? 137, stdout, stderr });
        },
      );
      child.stdout!.on('data', hears);
      child.stderr!.on('data', hears);
      child.stdin!.end();
    });
  }
}

let beds = 0;

/**
 * Brings up a cluster of `count` nodes for the duration of `body`. The bed is tied to a pipe that
 * this process holds, so it also goes when this process is killed.
 */
export async function withCluster(
  count: number,
  body: (cluster: Cluster) => Promise<void>,
  options: ClusterOptions = {},
): Promise<void> {
  const name = `test-${process.pid}-${beds++}`;
  const args = ['hold', String(count), ...flags(options)];
  const shared = mkdtempSync('/var/tmp/python-mpi-cluster-');
  const holder = spawn(BED, args, {
    env: { ...process.env, BED: name, BED_SHARED: shared },
    stdio: ['pipe', 'pipe', 'inherit'],
    // In a group of its own, to survive what ends ours and see the pipe close.
    detached: true,
  });
  const ended = once(holder, 'close');
  const [line] = await Promise.race([once(createInterface(holder.stdout), 'line'), ended]);
  if (line !== 'up') throw new Error(`bed ${args.join(' ')}: status ${line}`);

  try {
    const cluster = new Cluster(name, count, shared);
    await cluster.settle();
    await body(cluster);
  } finally {
    holder.stdin.end();
    await ended;
  }
}

/** What a suite of uvu lets be done around its tests. */
interface Suite {
  before(hook: () => Promise<void>): void;
  after(hook: () => Promise<void>): void;
}

/**
 * One cluster for all tests of a suite, where bringing one up for each would take longer than the
 * tests.
 * @returns how a test comes by it
 */
export function clusterOf(
  suite: Suite,
  count: number,
  options: ClusterOptions = {},
): () => Cluster {
  const over = Promise.withResolvers<void>();
  let cluster: Cluster | undefined;
  let held: Promise<void> | undefined;
  suite.before(async () => {
    const up = Promise.withResolvers<void>();
    held = withCluster(
      count,
      async brought => {
        cluster = brought;
        up.resolve();
        await over.promise;
      },
      options,
    );
    await Promise.race([up.promise, held]);
  });
  suite.after(async () => {
    over.resolve();
    await held;
  });
  return () => cluster!;
}
