/**
 * Which ranks share a node, where the launcher does not say: the ranks tell each other their host's
 * name.
 *
 * The root alone reads all names, and answers with one mapping: N gets there and a few for every
 * other rank, where every rank reading every name would be N squared.
 */
import { PythonMpiError } from '../../errors.ts';
import type { Kvs, Placement } from '../../pmi/launcher.ts';
import { dense, formatMapping, nodesOfMapping } from '../../pmi/mapping.ts';

/** What a value may hold, with room for its head; see Kvs.put. */
const PIECE_BYTES = 800;

/**
 * Every rank's node; see Placement.nodes. All ranks come here; costs two fences.
 * @param host name of this rank's host
 * @throws PythonMpiError LAUNCHER, TIMEOUT
 */
export async function groupByHost(
  kvs: Kvs,
  { rank, size }: Placement,
  host: string,
): Promise<number[]> {
  await kvs.put(`python-mpi.host.${rank}`, Buffer.from(host).toString('base64url'));
  await kvs.fence();
  if (rank === 0) await publish(kvs, await namesOf(kvs, size));
  await kvs.fence();
  let text = '';
  let pieces = 1;
  for (let i = 0; i < pieces; i++) {
    const [count, piece = ''] = (await kvs.get(pieceKey(i))).split('|');
    pieces = Number(count);
    text += piece;
  }
  const nodes = nodesOfMapping(text, size);
  if (nodes !== undefined) return nodes;
  throw new PythonMpiError('LAUNCHER', 'what the launcher keeps is not what rank 0 gave it', {
    hint: 'start the job again; see PYTHON_MPI_VERBOSE=1',
  });
}

async function namesOf(kvs: Kvs, size: number): Promise<string[]> {
  const names: string[] = [];
  for (let rank = 0; rank < size; rank++)
    names.push(await kvs.get(`python-mpi.host.${rank}`, rank));
  return names;
}

async function publish(kvs: Kvs, names: readonly string[]): Promise<void> {
  const first = new Map<string, number>();
  for (const [rank, name] of names.entries()) if (!first.has(name)) first.set(name, rank);
  const mapping = formatMapping(dense(names.map(name => first.get(name)!)));
  const pieces = Math.ceil(mapping.length / PIECE_BYTES);
  for (let i = 0; i < pieces; i++) {
    const piece = mapping.slice(i * PIECE_BYTES, (i + 1) * PIECE_BYTES);
    await kvs.put(pieceKey(i), `${pieces}|${piece}`);
  }
}

function pieceKey(index: number): string {
  return `python-mpi.nodes.${index}`;
}
