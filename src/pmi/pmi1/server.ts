/**
 * The built-in launcher's PMI-1 server: a state machine without processes or sockets.
 *
 * It answers everything MPICH's libmpi asks on one machine. What needs a launcher that can start
 * more processes or outlives the job (spawn, published names) is answered with rc=-1. Like Hydra it
 * takes a second `init` on the same connection, so Python's own session works after ours. A rank
 * that sends what is no PMI-1 aborts the job, once.
 */
import { asPythonMpiError, PythonMpiError, STATUS } from '../../errors.ts';
import { type Message, quote } from '../message.ts';
import { formatLine, LineReader, parseLine } from './codec.ts';

/** Why the job has to end. */
export interface Abort {
  /** The rank that asked for it or is to blame. */
  readonly rank: number;
  /** Exit status for the job. */
  readonly status: number;
  /** One clause for the user; undefined when the rank asked for it and has said why itself. */
  readonly reason: string | undefined;
}

/**
 * What is to be done after an event: lines to send, each with its line break and with a character
 * for every byte (latin1), and perhaps the job's end.
 */
export interface Reaction {
  readonly replies: readonly { readonly rank: number; readonly line: string }[];
  readonly abort: Abort | undefined;
}

const KVS_NAME = 'python-mpi';
const NOTHING: Reaction = { replies: [], abort: undefined };

export class Pmi1Server {
  readonly #size: number;
  readonly #kvs = new Map<string, string>();
  readonly #readers: LineReader[];
  readonly #spawning = new Set<number>();
  readonly #waiting = new Set<number>();
  readonly #gone = new Set<number>();
  #aborted = false;

  /**
   * @param size number of ranks
   * @param mapping what PMI_process_mapping says of them
   */
  constructor(size: number, mapping: string) {
    this.#size = size;
    this.#kvs.set('PMI_process_mapping', mapping);
    this.#readers = Array.from({ length: size }, () => new LineReader());
  }

  /**
   * Takes bytes from a rank's connection. Never throws: garbage is an abort. Mute after an abort.
   */
  feed(rank: number, bytes: Uint8Array): Reaction {
    const replies: Reaction['replies'][number][] = [];
    try {
      for (const line of this.#readers[rank]!.push(bytes)) {
        const answer = this.#take(rank, line);
        replies.push(...answer.replies);
        if (answer.abort) return this.#once({ replies, abort: answer.abort });
      }
      return this.#once({ replies, abort: undefined });
    } catch (error) {
      const reason = `rank ${rank} broke the PMI protocol: ${asPythonMpiError(error).message}`;
      return this.#once({ replies, abort: { rank, status: STATUS.PROTOCOL, reason } });
    }
  }

  /**
   * Takes the end of a rank's connection. Most programs leave so, but ranks that wait in a barrier
   * that the rank never reached would wait forever. How the rank ended says more: tell a failed
   * one's status before this.
   */
  closed(rank: number): Reaction {
    this.#gone.add(rank);
    return this.#once(this.#stranded());
  }

  #take(rank: number, line: string): Reaction {
    if (this.#spawning.has(rank)) {
      if (line !== 'endcmd') return NOTHING;
      this.#spawning.delete(rank);
      return say(rank, 'spawn_result', { rc: -1, msg: 'not_supported' });
    }
    const message = parseLine(line);
    if (message.multiline) {
      this.#spawning.add(rank);
      return NOTHING;
    }
    return this.#answer(rank, message);
  }

  #answer(rank: number, message: Message): Reaction {
    switch (message.command) {
      case 'init': {
        const rc = message.fields.get('pmi_version') === '1' ? 0 : -1;
        return say(rank, 'response_to_init', { pmi_version: 1, pmi_subversion: 1, rc });
      }
      case 'get_maxes':
        return say(rank, 'maxes', { kvsname_max: 256, keylen_max: 64, vallen_max: 1024 });
      case 'get_my_kvsname':
        return say(rank, 'my_kvsname', { kvsname: KVS_NAME });
      case 'get_appnum':
        return say(rank, 'appnum', { appnum: 0 });
      case 'get_universe_size':
        return say(rank, 'universe_size', { size: this.#size });
      case 'put':
        this.#kvs.set(need(message, 'key'), need(message, 'value'));
        return say(rank, 'put_result', { rc: 0, msg: 'success' });
      case 'get': {
        const value = this.#kvs.get(need(message, 'key'));
        return value === undefined
          ? say(rank, 'get_result', { rc: -1, msg: 'key_not_found', value: 'unknown' })
          : say(rank, 'get_result', { rc: 0, msg: 'success', value });
      }
      case 'barrier_in':
        return this.#barrier(rank);
      case 'finalize':
        return say(rank, 'finalize_ack');
      case 'abort': {
        // What exit(3) would make of it, but never success.
        const status = Number(message.fields.get('exitcode')) & 0xff || 1;
        return { replies: [], abort: { rank, status, reason: undefined } };
      }
      case 'publish_name':
        return say(rank, 'publish_result', { rc: -1, msg: 'not_supported' });
      case 'unpublish_name':
        return say(rank, 'unpublish_result', { rc: -1, msg: 'not_supported' });
      case 'lookup_name':
        return say(rank, 'lookup_result', { rc: -1, msg: 'not_supported' });
      default:
        throw new PythonMpiError('PROTOCOL', `unknown command ${quote(message.command)}`);
    }
  }

  #barrier(rank: number): Reaction {
    this.#waiting.add(rank);
    if (this.#waiting.size < this.#size) return this.#stranded();
    const replies = Array.from(this.#waiting, rank => ({ rank, line: formatLine('barrier_out') }));
    this.#waiting.clear();
    return { replies, abort: undefined };
  }

  /** Ends the job when some rank waits for one that has left. */
  #stranded(): Reaction {
    const rank = this.#gone.values().next().value;
    const waiting = this.#waiting.values().next().value;
    if (rank === undefined || waiting === undefined) return NOTHING;
    const reason = `rank ${waiting} waits in a barrier for rank ${rank}, which has ended`;
    return { replies: [], abort: { rank, status: STATUS.PEER_LOST, reason } };
  }

  /** Nothing is said after an abort. */
  #once(answer: Reaction): Reaction {
    if (this.#aborted) return NOTHING;
    this.#aborted = answer.abort !== undefined;
    return answer;
  }
}

function say(
  rank: number,
  command: string,
  fields: Record<string, string | number> = {},
): Reaction {
  return { replies: [{ rank, line: formatLine(command, fields) }], abort: undefined };
}

function need({ command, fields }: Message, key: string): string {
  const value = fields.get(key);
  if (value === undefined) throw new PythonMpiError('PROTOCOL', `'${command}' without ${key}`);
  return value;
}
