/**
 * The embedded launcher's processes: starts the ranks of a local job, merges their output line by
 * line, ends the others when one fails. Speaks no PMI: the launch is handed each rank's connection.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { pause } from '../deadline.ts';
import { type Outcome, SUCCESS, shellStatus } from '../outcome.ts';
import { STDERR, STDOUT } from '../output.ts';
import { Janitor } from './janitor.ts';
import { LineMerger } from './merge.ts';
import { SignalRelay } from './signals.ts';

export interface RankPlan {
  /** Command line of a rank, the same for all. */
  command: readonly [string, ...string[]];
  size: number;
  /** Environment of one rank. */
  env: (rank: number) => NodeJS.ProcessEnv;
  /** Number under which each rank finds its connection. */
  descriptor: number;
  /** Takes our end of a rank's connection. */
  connect: (rank: number, connection: Duplex) => void;
  /** A rank has ended, and how has been taken note of. */
  ended: (rank: number) => void;
}

/** Time between asking the other ranks to end and ending them, in milliseconds. */
const KILL_GRACE_MS = 2000;

export class LocalRanks {
  readonly #plan: RankPlan;
  readonly #children: ChildProcess[] = [];
  readonly #out = new LineMerger(STDOUT);
  readonly #err = new LineMerger(STDERR);
  readonly #relay: SignalRelay;
  readonly #janitor: Janitor;
  #verdict: { rank: number; outcome: Outcome } | undefined;

  /** Starts all ranks. Standard input goes to rank 0. */
  constructor(plan: RankPlan) {
    this.#plan = plan;
    const [file, ...args] = plan.command;
    for (let rank = 0; rank < plan.size; rank++) {
      const stdio: ('inherit' | 'ignore' | 'pipe')[] = [
        rank === 0 ? 'inherit' : 'ignore',
        'pipe',
        'pipe',
      ];
      while (stdio.length < plan.descriptor) stdio.push('ignore');
      stdio.push('pipe');
      // A process group of its own, so that a rank is ended together with its Python.
      const child = spawn(file, args, { stdio, env: plan.env(rank), detached: true });
      child.once('error', () => this.#judge(rank, { status: 127, signal: undefined }));
      const connection = child.stdio[plan.descriptor] as Duplex | null | undefined;
      if (connection) plan.connect(rank, connection);
      this.#out.add(child.stdout!);
      this.#err.add(child.stderr!);
      this.#children.push(child);
    }
    // A launcher that is killed takes its ranks with it. SIGKILL, since no process is left that
    // could wait for them to end.
    const groups = this.#children.flatMap(({ pid }) => (pid === undefined ? [] : [`-${pid}`]));
    this.#janitor = new Janitor(['/bin/sh', '-c', 'kill -s KILL -- "$@"', 'sh', ...groups]);
    this.#relay = new SignalRelay(signal => {
      for (const child of this.#children) child.kill(signal);
    }, true);
  }

  /**
   * Waits for all ranks and their output.
   * @returns how the first rank that failed ended, or success
   */
  async ended(): Promise<{ rank: number; outcome: Outcome }> {
    await Promise.all(
      this.#children.map(
        (child, rank) =>
          new Promise<void>(resolve => {
            child.once('exit', (status, signal) => {
              this.#judge(rank, { status: status ?? 0, signal: signal ?? undefined });
              this.#plan.ended(rank);
            });
            child.once('close', () => resolve());
            child.once('error', () => resolve());
          }),
      ),
    );
    await Promise.all([this.#out.finish(), this.#err.finish()]);
    this.#relay.stop();
    await this.#janitor.dismiss();
    return this.#verdict ?? { rank: 0, outcome: SUCCESS };
  }

  /**
   * Why output of ranks was lost, once they have ended: an errno. A reader that has gone wanted no
   * more.
   */
  get lost(): string | undefined {
    return this.#out.failure ?? this.#err.failure;
  }

  /** Ends the whole job with this status, as a rank asked for. */
  abort(rank: number, status: number): void {
    this.#judge(rank, { status, signal: undefined });
  }

  #judge(rank: number, outcome: Outcome): void {
    if (shellStatus(outcome) === 0 || this.#verdict !== undefined) return;
    this.#verdict = { rank, outcome };
    void this.#endOthers();
  }

  async #endOthers(): Promise<void> {
    this.#signalAll('SIGTERM');
    await pause(KILL_GRACE_MS);
    this.#signalAll('SIGKILL');
  }

  #signalAll(signal: NodeJS.Signals): void {
    for (const child of this.#children) {
      if (child.pid === undefined) continue;
      try {
        process.kill(-child.pid, signal);
      } catch {
        // The whole group has ended already.
      }
    }
  }
}
