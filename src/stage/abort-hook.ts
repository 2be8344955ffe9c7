/**
 * What an uncaught exception means in a job: the end of all of it, as MPI_Abort would. What does that is abort-hook.py;
 * here is how it learns whose rank it is in.
 */

/** The process that becomes the rank's Python, or has it as a child. */
export type RankProcess = { role: 'self' | 'parent'; pid: number };

/**
 * What is set for the start of a rank's Python, which takes it out again. A process that is not the one that is meant
 * ignores it.
 * @param endCommand command line without quotes that ends all ranks; this one may be among them
 */
export function hookEnvironment(
  rank: number,
  size: number,
  endCommand: string | undefined,
  { role, pid }: RankProcess,
): NodeJS.ProcessEnv {
  return {
    PYTHON_MPI_RANK: `${rank} of ${size}`,
    PYTHON_MPI_PROCESS: `${role} ${pid}`,
    PYTHON_MPI_END_COMMAND: endCommand,
  };
}
