/**
 * A secret where there is nothing but MUNGE: the root draws one, and every leader asks its parent
 * in a tree, or all on the way to the root if the parent does not answer.
 *
 * A question is a credential of MUNGE, and the answer, another one, holds the secret. Both are
 * sealed by this user's processes, and no other user's can open them: a stranger on one of the
 * public ports learns nothing and is not believed. The answer repeats a nonce of the question, so
 * an old answer is worth nothing.
 */
import { randomBytes } from 'node:crypto';
import { Deadline } from '../../deadline.ts';
import { asPythonMpiError, PythonMpiError } from '../../errors.ts';
import { Munge } from '../../exec/munge.ts';
import type { Target } from '../../net/dial.ts';
import { drawSecret, readSecret } from '../../net/handshake.ts';
import { ask, isListening, Responder } from '../../net/question.ts';
import type { PortRange, Reach } from '../../net/reach.ts';
import { ancestorsOf, childrenOf } from '../../net/wide-tree.ts';
import {
  derivePlace,
  latenessBy,
  listeningAddresses,
  type Place,
  type SecretSource,
} from './derived.ts';
import type { NodeMap } from './node-map.ts';

const NONCE_BYTES = 16;
/**
 * How long to ask at most, as a part of what is left of the user's timeout: the reason is to be
 * heard before all have run out of it.
 */
const SHARE = 0.5;
/** How long to look for a root that has what is missing here, in milliseconds. */
const LOOK_MS = 2000;

/** What a secret in credentials needs. */
export interface SealedSecretOptions {
  /** Of the node's MUNGE daemon. */
  socket: string;
  /** The job's own identity; public. */
  jobId: string;
  /** Host of each position. */
  hosts: readonly string[];
  nodeMap: NodeMap;
  reach: Reach;
  deadline: Deadline;
}

/** A source that draws the secret on the root, and asks for it elsewhere. */
export function sealedSecret(options: SealedSecretOptions): SecretSource {
  const { socket, jobId, hosts, nodeMap, reach, deadline } = options;
  const { position, leads, leaders, locals } = nodeMap;
  const munge = new Munge(socket, deadline);
  const name = `python-mpi secret of job ${jobId}`;
  /** For the ranks of this node, and for the leaders below. */
  const responders: Record<'local' | 'tree', Responder | undefined> = {
    local: undefined,
    tree: undefined,
  };

  /** What this user has sealed for this job. */
  const open = async (credential: string): Promise<string[]> => {
    const { uid: sealer, payload } = await munge.open(credential);
    const [about, ...words] = payload.trim().split('|');
    if (sealer === process.geteuid!() && about === name) return words;
    throw new PythonMpiError('AUTHENTICATION', 'a credential of another user or job');
  };

  const askAt = async (places: readonly number[], until: Deadline): Promise<Buffer> => {
    const nonce = randomBytes(NONCE_BYTES).toString('hex');
    const hostOf = new Map<Target, string>();
    const refusals = new Map<string, number>();
    const question = {
      ask: () => munge.seal(`${name}|${nonce}`),
      read: async (answer: string) => {
        const [echo, secret] = await open(answer).catch(() => []);
        return echo === nonce && secret !== undefined ? readSecret(secret) : undefined;
      },
      refused: (target: Target) => {
        const host = hostOf.get(target)!;
        refusals.set(host, (refusals.get(host) ?? 0) + 1);
      },
    };
    for (const of of places) {
      const { endpoints, local } = placeOf(jobId, hosts, of, reach.ports);
      const targets: readonly Target[] = of === position ? [{ local }] : endpoints;
      for (const target of targets) hostOf.set(target, hosts[of]!);
    }
    const what = `the secret of this job from ${hosts[places[0]!]}`;
    try {
      return await ask([...hostOf.keys()], question, until, what);
    } catch (thrown) {
      const error = asPythonMpiError(thrown);
      // One refusal means nothing: a leader that ends while it looks for the secret itself hangs up
      // on the ranks that wait for it.
      const [host] = [...refusals].find(([, count]) => count > 1) ?? [];
      if (error.code !== 'TIMEOUT' || host === undefined) throw error;
      throw new PythonMpiError('NO_SECRET', `${host} takes no credential of MUNGE from this node`, {
        hint: `check the clocks and keys of both: munge -n | ssh ${host} unmunge`,
        cause: error,
      });
    }
  };

  /** From the parent; from all on the way to the root when it seems to be lost. */
  const askUp = async (): Promise<Buffer> => {
    const way = ancestorsOf(position);
    if (way.length > 1) {
      try {
        return await askAt(way.slice(0, 1), Deadline.after(latenessBy(deadline)));
      } catch (error) {
        if (asPythonMpiError(error).code !== 'TIMEOUT') throw error;
      }
    }
    return askAt(way, Deadline.after(SHARE * deadline.remaining));
  };

  /** From the leader. What keeps a rank from sealing keeps its leader from it, too. */
  const askLeader = async (): Promise<Buffer> => {
    try {
      return await askAt([position], deadline);
    } catch (thrown) {
      const error = asPythonMpiError(thrown);
      if (error.code === 'NO_SECRET') error.seenBy = 'this node';
      throw error;
    }
  };

  /** A rank that asks finds out whether MUNGE works here; the root has to try. */
  const draw = async (): Promise<Buffer> => {
    await munge.open(await munge.seal(name));
    return drawSecret();
  };

  const leadBy = async (secret: Promise<Buffer>): Promise<Buffer> => {
    const answer = async (question: string) => {
      const [nonce] = await open(question);
      return munge.seal(`${name}|${nonce}|${(await secret).toString('hex')}`);
    };
    const { endpoints, local } = placeOf(jobId, hosts, position, reach.ports);
    if (locals > 1) {
      responders.local = new Responder(answer);
      await responders.local.local(local);
    }
    if (childrenOf(position, leaders.length).length > 0) {
      responders.tree = new Responder(answer);
      await responders.tree.tcp(
        endpoints.map(endpoint => endpoint.port),
        await listeningAddresses(reach, position),
      );
    }
    return secret;
  };

  return {
    find: () => {
      if (!leads) return askLeader();
      return leadBy(position > 0 ? askUp() : draw());
    },
    settled: () => responders.tree?.close(),
    close() {
      responders.local?.close();
      responders.tree?.close();
    },
  };
}

/**
 * Where this node has nothing to share a secret with, which may be so on all nodes.
 * @param error what to throw, as one that this node alone sees
 */
export function noSource(
  jobId: string,
  hosts: readonly string[],
  { position, leads }: NodeMap,
  error: PythonMpiError,
  ports: PortRange | undefined,
): SecretSource {
  const find = async (): Promise<Buffer> => {
    if (!leads) throw error;
    const { endpoints } = placeOf(jobId, hosts, 0, ports);
    const isRootAlike = position === 0 || !(await isListening(endpoints, Deadline.after(LOOK_MS)));
    if (isRootAlike) error.seenBy = 'the first rank';
    throw error;
  };
  return { find, close: () => {} };
}

/** Where all ranks of the job look for the leader of a position before they have a secret. */
function placeOf(
  jobId: string,
  hosts: readonly string[],
  position: number,
  ports: PortRange | undefined,
): Place {
  const key = `${process.geteuid!()} ${jobId}`;
  return derivePlace(key, 'secret', hosts[position]!, position, ports);
}
