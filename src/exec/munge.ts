/**
 * MUNGE credentials: sealed by the node's daemon, opened by that of any node with the same key,
 * telling who sealed them. Through the commands munge(1) and unmunge(1): the daemon's own protocol
 * is not a public interface.
 */

import type { CommandOutcome } from '../command.ts';
import type { Deadline } from '../deadline.ts';
import { asPythonMpiError, PythonMpiError } from '../errors.ts';
import { runCommand } from './command.ts';

/**
 * Statuses from here on say that a credential is bad, those before that MUNGE is: munge_err of
 * munge.h.
 */
const FIRST_FAULT_OF_CREDENTIAL = 8;

export interface Opened {
  /** User that sealed it. */
  uid: number;
  payload: string;
}

export class Munge {
  readonly #socket: string;
  readonly #deadline: Deadline;

  /** @param socket of the node's daemon */
  constructor(socket: string, deadline: Deadline) {
    this.#socket = socket;
    this.#deadline = deadline;
  }

  /**
   * A credential that only this user can open, once on each node, in the next minutes.
   * @throws PythonMpiError NO_SECRET when MUNGE does not work here, TIMEOUT
   */
  async seal(payload: string): Promise<string> {
    const { stdout } = await this.#run('munge', [`--restrict-uid=${process.geteuid!()}`], payload);
    return stdout.trim();
  }

  /**
   * @throws PythonMpiError NO_SECRET when MUNGE does not work here, TIMEOUT; AUTHENTICATION for
   *   what is no credential, is for another user, has expired or was opened before
   */
  async open(credential: string): Promise<Opened> {
    const { stdout } = await this.#run('unmunge', ['--numeric', '--keys=UID'], credential);
    const [, uid, payload] = /^UID:\s+(\d+)\n\n(.*)$/s.exec(stdout) ?? [];
    if (uid === undefined || payload === undefined)
      throw failed('unmunge', 'no user in its answer');
    return { uid: Number(uid), payload };
  }

  async #run(program: string, options: readonly string[], input: string): Promise<CommandOutcome> {
    const args = [`--socket=${this.#socket}`, ...options];
    const never = new AbortController().signal;
    const outcome = await runCommand(program, args, { input }, this.#deadline, never).catch(
      thrown => {
        const { code, message } = asPythonMpiError(thrown);
        throw code === 'TIMEOUT' ? thrown : failed(program, message);
      },
    );
    const { status = 0, stderr } = outcome;
    if (status >= FIRST_FAULT_OF_CREDENTIAL)
      throw new PythonMpiError('AUTHENTICATION', `${program} refused it (${stderr.trim()})`);
    if (outcome.status !== 0) throw failed(program, stderr.trim());
    return outcome;
  }
}

function failed(program: string, reason: string): PythonMpiError {
  return new PythonMpiError('NO_SECRET', `${program} failed (${reason})`, {
    hint: 'put this line into the job script: export PYTHON_MPI_SECRET=$(openssl rand -hex 32)',
  });
}
