/**
 * The business card of a node leader: where it can be reached. Pure text, of characters that every PMI
 * carries (no space, no semicolon, no equals sign) and short enough for all (under 900 bytes).
 *
 *     1|<host>|<port>|<address>,<address>...|<name of the local socket>
 */
import { PythonMpiError } from '../errors.ts';

export interface Card {
  /** The node's name, for messages. */
  host: string;
  /** TCP port of the leader; 0 when it does not listen (a job on one node). */
  port: number;
  /** Numeric addresses, most promising first. */
  addresses: readonly string[];
  /** Name of the abstract local socket, without its leading NUL byte. */
  local: string;
}

const FORMAT = '1';
const MAX_ADDRESSES = 8;

export function encodeCard(card: Card): string {
  const host = card.host.replace(/[^A-Za-z0-9._-]/g, '_').slice(0, 255);
  const addresses = card.addresses.slice(0, MAX_ADDRESSES).join(',');
  return [FORMAT, host, card.port, addresses, card.local].join('|');
}

/** @throws PythonMpiError PROTOCOL when the text is no card of this version */
export function decodeCard(text: string): Card {
  const [format, host, port, addresses, local, ...more] = text.split('|');
  const number = Number(port);
  const valid = format === FORMAT && host && local !== undefined && more.length === 0;
  if (!valid || addresses === undefined || !(number >= 0 && number < 65536)) {
    throw new PythonMpiError(
      'PROTOCOL',
      `a node leader published '${text.slice(0, 80)}', which is no address`,
      {
        hint: 'use the same version of python-mpi on all ranks',
      },
    );
  }
  return { host, port: number, addresses: addresses === '' ? [] : addresses.split(','), local };
}
