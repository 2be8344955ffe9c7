/**
 * Numbers that launchers put into the environment.
 */
import { PythonMpiError } from '../errors.ts';

/** More ranks than any machine starts, and few enough to keep a list of them. */
export const MAX_RANKS = 1 << 24;

/**
 * A variable as a whole number of at most {@link MAX_RANKS}.
 * @param least smallest value that makes sense
 * @throws PythonMpiError LAUNCHER when it is missing or no such number
 */
export function readCount(env: NodeJS.ProcessEnv, variable: string, least: number): number {
  const text = env[variable];
  const value = Number(text);
  if (text !== undefined && /^\d+$/.test(text) && value >= least && value <= MAX_RANKS)
    return value;
  throw new PythonMpiError(
    'LAUNCHER',
    `${variable}=${(text ?? '').slice(0, 60)} is no whole number from ${least} to ${MAX_RANKS}`,
    {
      hint: 'start python-mpi through the launcher itself, with the environment it sets',
    },
  );
}
