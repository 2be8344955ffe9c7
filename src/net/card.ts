/**
 * The business card of a node leader: where it can be reached. Pure text, of characters that every
 * PMI carries (no space, no semicolon, no equals sign) and short enough for all (under 900 bytes).
 *
 *     1|<host>|<address>:<port>,<address>:<port>...|<name of the local socket>
 *
 * An address may be a host name, an IPv4 address or an IPv6 address without brackets: the port is
 * what follows the last colon.
 */
import { PythonMpiError } from '../errors.ts';

export interface Endpoint {
  host: string;
  port: number;
}

export interface Card {
  /** The node's name, for messages. */
  host: string;
  /** Where the leader listens, most promising first; empty when it does not (a job on one node). */
  endpoints: readonly Endpoint[];
  /** Name of the abstract local socket, without its leading NUL byte. */
  local: string;
}

const FORMAT = '1';
const MAX_ENDPOINTS = 8;

export function encodeCard(card: Card): string {
  const host = card.host.replace(/[^A-Za-z0-9._-]/g, '_').slice(0, 255);
  const endpoints = card.endpoints.slice(0, MAX_ENDPOINTS).map(e => `${e.host}:${e.port}`);
  return [FORMAT, host, endpoints.join(','), card.local].join('|');
}

/** @throws PythonMpiError PROTOCOL when the text is no card of this version */
export function decodeCard(text: string): Card {
  const [format, host, list, local, ...more] = text.split('|');
  const endpoints = (list === '' || list === undefined ? [] : list.split(',')).map(item => {
    const colon = item.lastIndexOf(':');
    return { host: item.slice(0, colon), port: Number(item.slice(colon + 1)) };
  });
  const sound = endpoints.every(
    ({ host, port }) => host !== '' && Number.isInteger(port) && port > 0 && port < 65536,
  );
  if (format !== FORMAT || !host || local === undefined || more.length > 0 || !sound) {
    throw new PythonMpiError(
      'PROTOCOL',
      `a node leader published '${text.slice(0, 80)}', which is no address`,
      { hint: 'use the same version of python-mpi on all ranks' },
    );
  }
  return { host, endpoints, local };
}
