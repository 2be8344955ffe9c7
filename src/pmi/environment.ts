/**
 * Numbers that launchers put into the environment.
 */
import { PythonMpiError } from '../errors.ts';

/**
 * A variable as a whole number.
 * @param least smallest value that makes sense
 * @throws PythonMpiError LAUNCHER when it is missing or no such number
 */
export function readCount(env: NodeJS.ProcessEnv, variable: string, least: number): number {
  const text = env[variable];
  const value = Number(text);
  if (text !== undefined && /^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least)
    return value;
  throw new PythonMpiError(
    'LAUNCHER',
    `${variable}=${text ?? ''} is no whole number of at least ${least}`,
    {
      hint: 'start python-mpi through the launcher itself, with the environment it sets',
    },
  );
}
