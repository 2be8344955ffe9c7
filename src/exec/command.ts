/**
 * Runs a program to its end and hands back what it wrote: for tools whose answer the caller needs,
 * not for the user's program.
 *
 * The program leads a process group of its own, so that stopping it stops what it started too.
 */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import type { CommandOptions, CommandOutcome } from '../command.ts';
import type { Deadline } from '../deadline.ts';
import { PythonMpiError } from '../errors.ts';

/**
 * @param signal when it fires, the whole group is killed
 * @throws PythonMpiError NO_INTERPRETER when it cannot be started, CANCELLED, TIMEOUT
 */
export async function runCommand(
  file: string,
  args: readonly string[],
  options: CommandOptions,
  deadline: Deadline,
  signal: AbortSignal,
): Promise<CommandOutcome> {
  if (signal.aborted) throw cancelled(file);
  const child = spawn(file, args, {
    cwd: options.cwd,
    env: options.env,
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const exited = new Promise<number | undefined>((resolve, reject) => {
    child.once('error', error =>
      reject(
        new PythonMpiError('NO_INTERPRETER', `cannot run ${file}: ${error.message}`, {
          cause: error,
        }),
      ),
    );
    child.once('close', code => resolve(code ?? undefined));
  });
  const kill = () => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It was faster.
    }
  };
  signal.addEventListener('abort', kill);
  child.stdin.on('error', () => {}); // It may end before it has read everything.
  child.stdin.end(options.input ?? '');
  try {
    const outcome = Promise.all([exited, text(child.stdout), text(child.stderr)]);
    const [status, stdout, stderr] = await deadline.wait(outcome, `${file} to end`);
    if (signal.aborted) throw cancelled(file);
    return { status, stdout, stderr };
  } catch (error) {
    kill();
    throw error;
  } finally {
    signal.removeEventListener('abort', kill);
  }
}

function cancelled(file: string): PythonMpiError {
  return new PythonMpiError('CANCELLED', `${file} was stopped`);
}
