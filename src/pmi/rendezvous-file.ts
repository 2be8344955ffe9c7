/**
 * A note of the root in a directory that all nodes see: how ranks find it whose launcher says
 * nothing of the others.
 *
 * The note holds a secret, so the directory must be this user's alone; on a network file system
 * that is all that keeps others from reading it. Knows nothing of what a note says.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import { PythonMpiError } from '../errors.ts';

export class RendezvousFile {
  readonly directory: string;
  readonly #name: string;

  /**
   * @param directory absolute; made when the note is posted
   * @param name of the note, the same on all ranks of a job and in no other job
   */
  constructor(directory: string, name: string) {
    this.directory = directory;
    this.#name = name;
  }

  /** All that there can be of it: the note itself, and the one in the making. */
  get files(): readonly [string, string] {
    const path = join(this.directory, this.#name);
    return [path, `${path}.draft`];
  }

  /**
   * Posts the note, whole at once, over any that an earlier job of the same name has left.
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
   * The note, or undefined while there is none.
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

  /** Takes the note down. What cannot be removed is harmless: nothing answers where it points. */
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
