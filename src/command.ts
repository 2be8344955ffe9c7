/**
 * A program that is run to its end for its answer: what it is given, and what it says. For
 * src/exec/, which starts it, and for src/bundle/, which is handed a {@link RunCommand} since only
 * src/exec/ may start processes.
 */

export interface CommandOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Sent to standard input, which is then closed. */
  input?: string | Uint8Array;
}

export interface CommandOutcome {
  /** Exit status, or undefined after death by a signal. */
  status: number | undefined;
  stdout: string;
  stderr: string;
}

/**
 * Runs a program to its end. Rejects with NO_INTERPRETER when it cannot be started, CANCELLED or
 * TIMEOUT.
 */
export type RunCommand = (
  file: string,
  args: readonly string[],
  options?: CommandOptions,
) => Promise<CommandOutcome>;
