/**
 * Where the ranks of a launcher find a note of their root that tells a rank nothing of the others: which directory, and
 * under which name.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { PythonMpiError } from '../../errors.ts';
import { RendezvousFile } from '../rendezvous-file.ts';

/**
 * @param jobId the job's own identity, the same on every rank; may hold anything, and be long
 * @throws PythonMpiError USAGE when the user names no directory
 */
export function noteOf(env: NodeJS.ProcessEnv, launcher: string, jobId: string): RendezvousFile {
  const name = createHash('sha256').update(jobId).digest('hex').slice(0, 32);
  return new RendezvousFile(directoryOf(env), `${launcher}-${name}`);
}

function directoryOf({ PYTHON_MPI_RENDEZVOUS, HOME }: NodeJS.ProcessEnv): string {
  const directory = PYTHON_MPI_RENDEZVOUS || (HOME && join(HOME, '.python-mpi'));
  if (directory?.startsWith('/')) return directory;
  throw new PythonMpiError('USAGE', `PYTHON_MPI_RENDEZVOUS is '${PYTHON_MPI_RENDEZVOUS ?? ''}'`, {
    hint: 'it must be an absolute path of a directory that all nodes see',
  });
}
