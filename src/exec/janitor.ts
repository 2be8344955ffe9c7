/**
 * A process that outlives this one, however it ends, and then runs one command.
 *
 * A launcher that ends a job kills without asking, and nothing we could catch is left to clean up
 * with. So a shell waits in a session of its own on a pipe that only we hold: told "done" it
 * leaves, at the end of the pipe it becomes the command. It costs one idle `sh` while Python runs.
 */
import { type ChildProcess, spawn } from 'node:child_process';

/** Signals to a whole step are for others; the command must go on in spite of them too. */
const WAIT = `trap "" HUP INT QUIT TERM USR1 USR2
read -r word
[ "$word" != done ] || exit
exec "$@"`;

export class Janitor {
  readonly #shell: ChildProcess;

  /** @param command run when this process has ended without {@link dismiss} */
  constructor(command: readonly string[]) {
    this.#shell = spawn('/bin/sh', ['-c', WAIT, 'sh', ...command], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
      // What the user has set for other programs is not for this shell, nor for what it becomes.
      env: {},
    });
    this.#shell.on('error', () => {});
    this.#shell.stdin!.on('error', () => {});
    this.#shell.unref();
  }

  /** There is nothing to clean up any more. Resolves when the janitor has left. */
  async dismiss(): Promise<void> {
    const { exitCode, signalCode, pid } = this.#shell;
    if (exitCode !== null || signalCode !== null || pid === undefined) return;
    const left = new Promise<void>(resolve => this.#shell.once('exit', () => resolve()));
    this.#shell.ref();
    this.#shell.stdin!.end('done\n');
    await left;
  }
}
