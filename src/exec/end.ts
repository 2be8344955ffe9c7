/**
 * Ends a job by the command of its launcher, in which this process may be among those who are told
 * to end.
 */
import { Deadline } from '../deadline.ts';
import { runCommand } from './command.ts';

/** How long the launcher's command may take, in milliseconds. */
const COMMAND_MS = 30_000;

/**
 * Runs the command; this process outlives it and ends with a status of its own.
 * @param command words without quotes
 * @returns whether it worked
 */
export async function endJob(command: string, env: NodeJS.ProcessEnv): Promise<boolean> {
  process.on('SIGTERM', () => {});
  const [file = '', ...args] = command.split(' ');
  const never = new AbortController().signal;
  try {
    const { status } = await runCommand(file, args, { env }, Deadline.after(COMMAND_MS), never);
    return status === 0;
  } catch {
    return false;
  }
}
