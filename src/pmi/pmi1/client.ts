/**
 * A rank's side of PMI-1: what to ask, in which order, and what the answers mean.
 */
import type { Deadline } from '../../deadline.ts';
import { PythonMpiError } from '../../errors.ts';
import type { Channel } from '../channel.ts';
import type { PmiClient } from '../client.ts';
import { count, Dialogue, rc, required, succeed, type Wire } from '../dialogue.ts';
import { MAX_RANKS } from '../environment.ts';
import { quote } from '../message.ts';
import { encodeLine, formatRequest, LineReader, parseLine } from './codec.ts';

/** PMI-1's wire, for one connection. */
export function lineWire(): Wire {
  const reader = new LineReader();
  return {
    encode: (command, fields) => encodeLine(formatRequest(command, fields)),
    push: bytes => reader.push(bytes),
    parse: parseLine,
  };
}

/** PMI-1 spoken over a channel. Requests made while another is outstanding wait for their turn. */
export class Pmi1Client implements PmiClient {
  readonly #dialogue: Dialogue;
  #kvsName = '';
  #maxKey = 0;
  #maxValue = 0;

  constructor(channel: Channel) {
    this.#dialogue = new Dialogue(channel, lineWire());
  }

  /** Says over TCP whose connection this is; the launcher answers with the rank's place. */
  initack(id: string, deadline: Deadline): Promise<{ rank: number; size: number }> {
    const dialogue = this.#dialogue;
    return dialogue.exchange(async () => {
      await dialogue.send('initack', { pmiid: id });
      await dialogue.reply('initack', 'initack', deadline);
      const said = new Map<string, string>();
      for (let i = 0; i < 3; i++) {
        const { fields } = await dialogue.reply('initack', 'set', deadline);
        for (const [key, value] of fields) said.set(key, value);
      }
      const rank = count('initack', 'rank', said, 0);
      return { rank, size: count('initack', 'size', said, rank + 1, MAX_RANKS) };
    });
  }

  /** Starts the session: version, limits, and the name of the job's key-value store. */
  async init(deadline: Deadline): Promise<void> {
    const dialogue = this.#dialogue;
    // The order of these two keys matters: Hydra takes them by position.
    const version = { pmi_version: 1, pmi_subversion: 1 };
    succeed('init', await dialogue.request('init', version, 'response_to_init', deadline));
    const maxes = succeed('get_maxes', await dialogue.request('get_maxes', {}, 'maxes', deadline));
    this.#maxKey = count('get_maxes', 'keylen_max', maxes.fields, 1);
    this.#maxValue = count('get_maxes', 'vallen_max', maxes.fields, 1);
    const named = await dialogue.request('get_my_kvsname', {}, 'my_kvsname', deadline);
    this.#kvsName = required('get_my_kvsname', 'kvsname', succeed('get_my_kvsname', named).fields);
  }

  mapping(deadline: Deadline): Promise<string | undefined> {
    return this.get('PMI_process_mapping', deadline);
  }

  async put(key: string, value: string, deadline: Deadline): Promise<void> {
    // The server's limits count a terminating NUL.
    if (key.length >= this.#maxKey || value.length >= this.#maxValue)
      throw new PythonMpiError(
        'INTERNAL',
        `PMI key ${quote(key)} or its value exceeds the launcher's limits`,
      );
    const fields = { kvsname: this.#kvsName, key, value };
    succeed('put', await this.#dialogue.request('put', fields, 'put_result', deadline));
  }

  async get(key: string, deadline: Deadline): Promise<string | undefined> {
    const fields = { kvsname: this.#kvsName, key };
    const reply = await this.#dialogue.request('get', fields, 'get_result', deadline);
    return rc(reply) === 0 ? required('get', 'value', reply.fields) : undefined;
  }

  async fence(deadline: Deadline): Promise<void> {
    succeed('barrier_in', await this.#dialogue.request('barrier_in', {}, 'barrier_out', deadline));
  }

  async finalize(deadline: Deadline): Promise<void> {
    succeed('finalize', await this.#dialogue.request('finalize', {}, 'finalize_ack', deadline));
  }

  async ping(deadline: Deadline): Promise<void> {
    await this.#dialogue.request('get_maxes', {}, 'maxes', deadline);
  }

  async abort(status: number): Promise<void> {
    await this.#dialogue.send('abort', { exitcode: status });
  }

  close(): void {
    this.#dialogue.close();
  }
}
