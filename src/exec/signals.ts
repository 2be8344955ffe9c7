/**
 * Passes on the signals a launcher sends, each exactly once.
 *
 * A launcher may signal one process, its process group, or every process of the step (Hydra and
 * Open MPI signal the group, Slurm the task or everything, depending on ProctrackType). Node cannot
 * say who sent a signal to whom, so a sentinel stands beside the child: a `cat` in the same process
 * group with all signals at their defaults. If it dies of the signal, the child has had it too; if
 * it lives, only we were meant, and the signal is passed on. The sentinel ends with us: its input
 * is our pipe. Children in process groups of their own need none: what is meant for them comes
 * through us.
 *
 * Knows nothing of Python, ranks or launchers.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { pause } from '../deadline.ts';

const RELAYED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;

/** How long a signal sent to several processes may take to end the sentinel, in milliseconds. */
const SENTINEL_MS = 60;

export class SignalRelay {
  readonly #target: (signal: NodeJS.Signals) => void;
  #sentinel: ChildProcess | undefined;
  #stopped = false;

  /**
   * Starts relaying until {@link stop}.
   * @param target delivers a signal that only we received
   * @param apart whether the target is never signalled together with us
   */
  constructor(target: (signal: NodeJS.Signals) => void, apart = false) {
    this.#target = target;
    if (!apart) this.#post();
    for (const signal of RELAYED) process.on(signal, () => void this.#relay(signal));
  }

  /**
   * There is no child to pass signals on to any more. They stay without effect: a launcher may send
   * one several times, and the process that is left has to clean up.
   */
  stop(): void {
    this.#stopped = true;
    this.#sentinel?.kill('SIGKILL');
  }

  #post(): void {
    this.#sentinel = spawn('/bin/cat', { stdio: ['pipe', 'ignore', 'ignore'], env: {} });
    this.#sentinel.on('error', () => {});
    this.#sentinel.stdin?.on('error', () => {});
    this.#sentinel.unref();
  }

  async #relay(signal: NodeJS.Signals): Promise<void> {
    const sentinel = this.#sentinel;
    if (this.#stopped) return;
    if (sentinel === undefined) {
      this.#target(signal);
      return;
    }
    const died = new Promise<boolean>(resolve => sentinel.once('exit', () => resolve(true)));
    const alreadyDead = sentinel.exitCode !== null || sentinel.signalCode !== null;
    const shared =
      alreadyDead || (await Promise.race([died, pause(SENTINEL_MS).then(() => false)]));
    if (this.#stopped) return;
    if (!shared) this.#target(signal);
    else if (this.#sentinel === sentinel) this.#post();
  }
}
