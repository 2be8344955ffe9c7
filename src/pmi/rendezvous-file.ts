/**
 * A file of the root's in a directory that all nodes see: how ranks find it whose launcher says
 * nothing of the others.
 *
 * It holds a secret, so the directory must be this user's alone; on a network file system
 * that is all that keeps others from reading it. Knows nothing of what a rendezvous file says.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { PythonMpiError } from '../errors.ts';

/**
 * The rendezvous file of this job.
 * @param jobId the job's own identity, the same on every rank; may hold anything, and be long
 * @throws PythonMpiError USAGE when the user names no directory
 */
export function rendezvousFileOf(
  env: NodeJS.ProcessEnv,
  launcher: string,
  jobId: string,
): RendezvousFile {
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

export class RendezvousFile {
  readonly directory: string;
  readonly #name: string;

  /**
   * @param directory absolute; made when the rendezvous file is posted
   * @param name of the rendezvous file, the same on all ranks of a job and in no other job
   */
  constructor(directory: string, name: string) {
    this.directory = directory;
    this.#name = name;
  }

  /** All that there can be of it: the rendezvous file itself, and the one in the making. */
  get files(): readonly [string, string] {
    const path = join(this.directory, this.#name);
    return [path, `${path}.draft`];
  }

  /**
   * Posts the rendezvous file, whole at once, over any that an earlier job of the same name has
   * left.
   * @throws PythonMpiError NO_SECRET when the directory cannot be had or is not this user's alone
   */
  post(text: string): void {
    const [path, draft] = this.files;
    try {
      // What it lies in is there, or the user meant something else.
      if (!fs.existsSync(this.directory)) fs.mkdirSync(this.directory, 0o700);
      this.#inspect();
      fs.rmSync(draft, { force: true });
      fs.writeFileSync(draft, text, { mode: 0o600, flag: 'wx' });
      fs.renameSync(draft, path);
    } catch (error) {
      throw unusable(this.directory, error);
    }
  }

  /**
   * The rendezvous file, or undefined while there is none.
   * @throws PythonMpiError NO_SECRET when the directory cannot be read or is not this user's alone
   */
  read(): string | undefined {
    try {
      this.#inspect();
      // Reading the directory is what makes an NFS client ask its server again for a name that was
      // not there.
      if (!fs.readdirSync(this.directory).includes(this.#name)) return undefined;
      return fs.readFileSync(this.files[0], 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw unusable(this.directory, error);
    }
  }

  /**
   * Takes the rendezvous file down. What cannot be removed is harmless: nothing answers where it
   * points.
   */
  remove(): void {
    try {
      fs.rmSync(this.files[0], { force: true });
    } catch {
      // The file system has gone, or is read-only now.
    }
  }

  #inspect(): void {
    const { uid, mode } = fs.statSync(this.directory);
    if (uid !== process.geteuid!()) throw new Error(`it belongs to user ${uid}`);
    if ((mode & 0o077) !== 0) throw new Error('it is open to other users');
  }
}

function unusable(directory: string, cause: unknown): PythonMpiError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new PythonMpiError('NO_SECRET', `ranks cannot meet in ${directory} (${reason})`, {
    hint: 'set PYTHON_MPI_RENDEZVOUS to a directory of your own, mode 0700, that all nodes see',
    cause,
  });
}
