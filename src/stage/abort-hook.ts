/**
 * What an uncaught exception means in a job: the end of all of it, as MPI_Abort would. What does
 * that is abort-hook.py; here is how it learns whose rank it is in.
 */

/** Variables that are set for the start of a rank's Python, which takes them out again. */
export const HOOK = {
  /** `RANK of SIZE`. */
  rank: 'PYTHON_MPI_RANK',
  /** `self PID`: a process that is not the one that is meant ignores the others. */
  process: 'PYTHON_MPI_PROCESS',
  /** Command line without quotes that ends all ranks; this one may be among them. */
  endCommand: 'PYTHON_MPI_END_COMMAND',
} as const;
