/**
 * A rank's side of PMI-1: one request, one reply, never two outstanding.
 *
 * Owns the order of the exchange and what counts as a proper reply. Replies without rc are taken as rc=0, because
 * Hydra leaves it out where nothing can go wrong.
 */
import type { Deadline } from '../../deadline.ts';
import { asPythonMpiError, PythonMpiError } from '../../errors.ts';
import type { Channel } from '../channel.ts';
import { type Fields, formatRequest, LineReader, type Message, parseLine, quote } from './codec.ts';

const HINT =
  'start the job again; if it recurs, the launcher and python-mpi disagree: see PYTHON_MPI_VERBOSE=1';

/**
 * PMI-1 spoken over a channel. Requests made while another is outstanding wait for their turn. After the first
 * failure every later request fails with the same error: a reply that came late would be taken for another's.
 *
 * All requests throw PythonMpiError: LAUNCHER when the launcher closes, refuses or sends what is no answer, TIMEOUT
 * when the deadline comes first.
 */
export class Pmi1Client {
  readonly #channel: Channel;
  readonly #reader = new LineReader();
  #lines: string[] = [];
  #turn: Promise<unknown> = Promise.resolve();
  #broken: PythonMpiError | undefined;
  #kvsName = '';
  #maxKey = 0;
  #maxValue = 0;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** See Rendezvous.stuck. */
  get stuck(): boolean {
    return this.#channel.stuck;
  }

  /** Says over TCP whose connection this is; the launcher answers with the rank's place. */
  initack(id: string, deadline: Deadline): Promise<{ rank: number; size: number }> {
    return this.#next(async () => {
      await this.#send('initack', { pmiid: id });
      await this.#reply('initack', 'initack', deadline);
      const said = new Map<string, string>();
      for (let i = 0; i < 3; i++) {
        const { fields } = await this.#reply('initack', 'set', deadline);
        for (const [key, value] of fields) said.set(key, value);
      }
      return { rank: count('initack', 'rank', said, 0), size: count('initack', 'size', said, 1) };
    });
  }

  /** Starts the session: version, limits, and the name of the job's key-value store. */
  async init(deadline: Deadline): Promise<void> {
    // The order of these two keys matters: Hydra takes them by position.
    const version = { pmi_version: 1, pmi_subversion: 1 };
    succeed('init', await this.#request('init', version, 'response_to_init', deadline));
    const maxes = succeed('get_maxes', await this.#request('get_maxes', {}, 'maxes', deadline));
    this.#maxKey = count('get_maxes', 'keylen_max', maxes.fields, 1);
    this.#maxValue = count('get_maxes', 'vallen_max', maxes.fields, 1);
    const named = await this.#request('get_my_kvsname', {}, 'my_kvsname', deadline);
    this.#kvsName = required('get_my_kvsname', 'kvsname', succeed('get_my_kvsname', named).fields);
  }

  /** @throws PythonMpiError INTERNAL also, for a key or value that cannot be sent */
  async put(key: string, value: string, deadline: Deadline): Promise<void> {
    // The server's limits count a terminating NUL.
    if (key.length >= this.#maxKey || value.length >= this.#maxValue)
      throw new PythonMpiError(
        'INTERNAL',
        `PMI key ${quote(key)} or its value exceeds the launcher's limits`,
      );
    const fields = { kvsname: this.#kvsName, key, value };
    succeed('put', await this.#request('put', fields, 'put_result', deadline));
  }

  /** The value of a key, or undefined when the server does not have it. */
  async get(key: string, deadline: Deadline): Promise<string | undefined> {
    const fields = { kvsname: this.#kvsName, key };
    const reply = await this.#request('get', fields, 'get_result', deadline);
    return rc(reply) === 0 ? required('get', 'value', reply.fields) : undefined;
  }

  /** Waits for every rank of the job. */
  async barrier(deadline: Deadline): Promise<void> {
    succeed('barrier_in', await this.#request('barrier_in', {}, 'barrier_out', deadline));
  }

  /** Ends the session and with it, on most servers, the connection. */
  async finalize(deadline: Deadline): Promise<void> {
    succeed('finalize', await this.#request('finalize', {}, 'finalize_ack', deadline));
  }

  /**
   * Asks the launcher to end the job. There is no reply, so it does not wait for its turn: it must get through
   * while a barrier hangs.
   * @throws the system's error when the launcher has gone
   */
  async abort(status: number): Promise<void> {
    await this.#send('abort', { exitcode: status });
  }

  /** Gives up the connection on this side. */
  close(): void {
    this.#channel.close();
  }

  #request(command: string, fields: Fields, answer: string, deadline: Deadline): Promise<Message> {
    return this.#next(async () => {
      await this.#send(command, fields);
      return await this.#reply(command, answer, deadline);
    });
  }

  /** Runs one exchange after those before it. */
  #next<T>(exchange: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(async () => {
      if (this.#broken) throw this.#broken;
      try {
        const [extra] = this.#lines;
        if (extra !== undefined) throw garbage(`sent ${quote(extra)} unasked`);
        return await exchange();
      } catch (error) {
        const failure = describe(error);
        // What was refused before it was sent leaves the exchange intact.
        if (failure.code !== 'INTERNAL') this.#broken = failure;
        throw failure;
      }
    });
    this.#turn = result.catch(() => {});
    return result;
  }

  async #send(command: string, fields: Fields): Promise<void> {
    await this.#channel.write(new TextEncoder().encode(formatRequest(command, fields)));
  }

  async #reply(command: string, answer: string, deadline: Deadline): Promise<Message> {
    while (this.#lines.length === 0) {
      const bytes = await deadline.wait(this.#channel.read(), awaited(command));
      if (bytes === undefined)
        throw garbage(`closed its PMI connection instead of answering '${command}'`);
      this.#lines = this.#reader.push(bytes);
    }
    const line = this.#lines.shift()!;
    const message = parseLine(line);
    if (message.command !== answer) throw garbage(`answered '${command}' with ${quote(line)}`);
    return message;
  }
}

function awaited(command: string): string {
  return command === 'barrier_in'
    ? 'all ranks to reach the PMI barrier'
    : `the launcher to answer '${command}'`;
}

function rc(reply: Message): number {
  return Number(reply.fields.get('rc') ?? 0);
}

function succeed(command: string, reply: Message): Message {
  if (rc(reply) === 0) return reply;
  const said = reply.fields.get('msg');
  throw garbage(
    `refused '${command}' (rc=${reply.fields.get('rc')}${said ? `, ${quote(said)}` : ''})`,
  );
}

function required(command: string, key: string, fields: ReadonlyMap<string, string>): string {
  const value = fields.get(key);
  if (value === undefined) throw garbage(`answered '${command}' without ${key}`);
  return value;
}

function count(
  command: string,
  key: string,
  fields: ReadonlyMap<string, string>,
  least: number,
): number {
  const text = required(command, key, fields);
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least)
    throw garbage(`answered '${command}' with ${key}=${quote(text)}`);
  return value;
}

function garbage(what: string): PythonMpiError {
  return new PythonMpiError('LAUNCHER', `the launcher ${what}`, { hint: HINT });
}

/** An error of the codec or the system as one a user can act on. */
function describe(error: unknown): PythonMpiError {
  if (!(error instanceof PythonMpiError)) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) return asPythonMpiError(error);
    return new PythonMpiError('LAUNCHER', `lost the launcher's PMI connection (${code})`, {
      hint: HINT,
      cause: error,
    });
  }
  if (error.hint !== undefined || error.code === 'INTERNAL') return error;
  const hint = error.code === 'TIMEOUT' ? 'check that every rank of the job started' : HINT;
  return new PythonMpiError(error.code, error.message, { hint, cause: error });
}
