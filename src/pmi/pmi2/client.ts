/**
 * A rank's side of PMI-2: what to ask, in which order, and what the answers mean.
 *
 * Keys of other ranks are asked for without saying whose they are (srcid -1): they carry their rank
 * in the name.
 */
import type { Deadline } from '../../deadline.ts';
import { PythonMpiError } from '../../errors.ts';
import type { Channel } from '../channel.ts';
import type { PmiClient } from '../client.ts';
import { count, Dialogue, required, succeed, type Wire } from '../dialogue.ts';
import { MAX_RANKS } from '../environment.ts';
import { type Fields, type Message, quote } from '../message.ts';
import { lineWire } from '../pmi1/client.ts';
import { encodeLine, formatRequest as formatLineRequest } from '../pmi1/codec.ts';
import { misbehaved } from '../request-queue.ts';
import { BodyReader, formatRequest, parseBody } from './codec.ts';

/** What this process says of itself. */
export interface Claim {
  readonly rank: number;
  readonly size: number;
  /**
   * The launcher's name for the job, if it is known: servers want to be told one, and check none.
   */
  readonly jobId: string;
  /**
   * Whether the server tells the versions apart by each message, as Hydra does. Then the job is
   * aborted in version 1's words: those of version 2 have no exit status, and Hydra 4.0 does not
   * know them.
   */
  readonly isBilingual: boolean;
}

function bodyWire(): Wire {
  const reader = new BodyReader();
  return {
    encode: (command, fields) => encodeLine(formatRequest(command, fields)),
    push: bytes => reader.push(bytes),
    parse: parseBody,
  };
}

/** PMI-2 spoken over a channel. Requests made while another is outstanding wait for their turn. */
export class Pmi2Client implements PmiClient {
  readonly #channel: Channel;
  readonly #dialogue: Dialogue;
  readonly #claim: Claim;
  #jobId = '';

  constructor(channel: Channel, claim: Claim) {
    this.#channel = channel;
    this.#dialogue = new Dialogue(channel, lineWire());
    this.#claim = claim;
  }

  /**
   * @throws PythonMpiError LAUNCHER also, when the server speaks version 1 only or means another
   * rank
   */
  async init(deadline: Deadline): Promise<void> {
    const { rank, size, jobId } = this.#claim;
    const version = { pmi_version: 2, pmi_subversion: 0 };
    const hello = await this.#dialogue.request('init', version, 'response_to_init', deadline);
    const spoken = hello.fields.get('pmi_version');
    if (spoken !== '2') {
      throw new PythonMpiError('LAUNCHER', `the launcher speaks version ${spoken} of PMI, not 2`, {
        hint: 'set PYTHON_MPI_LAUNCHER=hydra',
      });
    }
    succeed('init', hello);
    this.#dialogue.speak(bodyWire());
    const claim = { pmijobid: jobId, pmirank: rank, threaded: 'FALSE' };
    const { fields } = await this.#ask('fullinit', claim, deadline);
    const told = [
      count('fullinit', 'rank', fields, 0),
      count('fullinit', 'size', fields, 1, MAX_RANKS),
    ];
    if (told[0] !== rank || told[1] !== size) {
      throw new PythonMpiError(
        'LAUNCHER',
        `the launcher says rank ${told[0]} of ${told[1]}, and PMI_RANK and PMI_SIZE rank ${rank} of ${size}`,
        { hint: 'start python-mpi through the launcher itself, with the environment it sets' },
      );
    }
    const named = await this.#ask('job-getid', {}, deadline);
    this.#jobId = required('job-getid', 'jobid', named.fields);
  }

  async mapping(deadline: Deadline): Promise<string | undefined> {
    return this.#find('info-getjobattr', { key: 'PMI_process_mapping' }, deadline);
  }

  async put(key: string, value: string, deadline: Deadline): Promise<void> {
    await this.#ask('kvs-put', { key, value }, deadline);
  }

  get(key: string, deadline: Deadline): Promise<string | undefined> {
    return this.#find('kvs-get', { jobid: this.#jobId, srcid: -1, key }, deadline);
  }

  async fence(deadline: Deadline): Promise<void> {
    await this.#ask('kvs-fence', {}, deadline);
  }

  async finalize(deadline: Deadline): Promise<void> {
    await this.#ask('finalize', {}, deadline);
  }

  async ping(deadline: Deadline): Promise<void> {
    await this.#ask('job-getid', {}, deadline);
  }

  async abort(status: number): Promise<void> {
    if (this.#claim.isBilingual)
      await this.#channel.write(encodeLine(formatLineRequest('abort', { exitcode: status })));
    else await this.#dialogue.send('abort', { isworld: 'TRUE', msg: `status-${status}` });
  }

  close(): void {
    this.#dialogue.close();
  }

  async #ask(command: string, fields: Fields, deadline: Deadline): Promise<Message> {
    const answer = `${command}-response`;
    return succeed(command, await this.#dialogue.request(command, fields, answer, deadline));
  }

  async #find(command: string, fields: Fields, deadline: Deadline): Promise<string | undefined> {
    const reply = await this.#ask(command, fields, deadline);
    const found = required(command, 'found', reply.fields);
    if (found === 'FALSE') return undefined;
    if (found !== 'TRUE') throw misbehaved(`answered '${command}' with found=${quote(found)}`);
    return required(command, 'value', reply.fields);
  }
}
