/**
 * A secret where there is nothing but MUNGE: the root draws one, and everybody asks the one before him in the tree, or
 * those before that one if he does not answer for long.
 *
 * Who asks shows a credential of MUNGE and gets the secret in another. Both are sealed by this user and can be opened by
 * him alone, so a stranger on one of the public ports learns nothing and is not believed. The answer repeats a
 * nonce of the question, so an old one is worthless.
 */
import { randomBytes } from 'node:crypto';
import { Deadline } from '../deadline.ts';
import { asPythonMpiError, PythonMpiError } from '../errors.ts';
import { Munge } from '../exec/munge.ts';
import { drawSecret, readSecret } from '../net/handshake.ts';
import type { Target } from '../net/link.ts';
import { ask, Desk } from '../net/question.ts';
import { derivePlace, LATENESS_MS, type Place, type SecretSource } from './derived.ts';
import type { Roster } from './roster.ts';

const NONCE_BYTES = 16;

/**
 * @param socket of the node's MUNGE daemon
 * @param jobId the job's own identity; public
 * @param hosts host of each position
 */
export function sealedSecret(
  socket: string,
  jobId: string,
  hosts: readonly string[],
  roster: Roster,
  deadline: Deadline,
): SecretSource {
  const { position, leads, leaders, locals } = roster;
  const munge = new Munge(socket, deadline);
  const uid = process.geteuid!();
  const name = `python-mpi secret of job ${jobId}`;
  let desk: Desk | undefined;
  const placeOf = (of: number): Place => derivePlace(`${uid} ${jobId}`, 'secret', hosts[of]!, of);

  /** What this user has sealed for this job. */
  const open = async (credential: string): Promise<string[]> => {
    const { uid: sealer, payload } = await munge.open(credential);
    const [about, ...words] = payload.trim().split('|');
    if (sealer === uid && about === name) return words;
    throw new PythonMpiError('AUTHENTICATION', 'a credential of another user or job');
  };

  const askAt = (places: readonly number[], until: Deadline): Promise<Buffer> => {
    const nonce = randomBytes(NONCE_BYTES).toString('hex');
    const question = {
      ask: () => munge.seal(`${name}|${nonce}`),
      read: async (answer: string) => {
        const [echo, secret] = await open(answer).catch(() => []);
        return echo === nonce && secret !== undefined ? readSecret(secret) : undefined;
      },
    };
    const targets = places.flatMap((of): readonly Target[] => {
      const { endpoints, local } = placeOf(of);
      return of === position ? [{ local }] : endpoints;
    });
    return ask(targets, question, until, `the secret of this job from ${hosts[places[0]!]}`);
  };

  /** From the parent; from all on the way to the root when it seems to be lost. */
  const askUp = async (): Promise<Buffer> => {
    const way = ancestorsOf(position);
    const patience = new Deadline(Math.min(deadline.at, Deadline.after(LATENESS_MS).at));
    try {
      return await askAt(way.slice(0, 1), patience);
    } catch (error) {
      if (asPythonMpiError(error).code !== 'TIMEOUT') throw error;
      return askAt(way, deadline);
    }
  };

  const leadBy = async (secret: Promise<Buffer>): Promise<Buffer> => {
    const answer = async (question: string) => {
      const [nonce] = await open(question);
      return munge.seal(`${name}|${nonce}|${(await secret).toString('hex')}`);
    };
    desk = new Desk(answer);
    const { endpoints, local } = placeOf(position);
    if (locals > 1) await desk.local(local);
    if (hasChildren(position, leaders.length))
      await desk.tcp(endpoints.map(endpoint => endpoint.port));
    return secret;
  };

  return {
    find: () => {
      if (!leads) return askAt([position], deadline);
      return leadBy(position > 0 ? askUp() : Promise.resolve(drawSecret()));
    },
    close: () => desk?.close(),
  };
}

/** The binomial tree again: a position's parent is the position with its lowest set bit cleared. Nearest first. */
function ancestorsOf(position: number): number[] {
  const way: number[] = [];
  for (let at = position; at > 0; ) {
    at &= at - 1;
    way.push(at);
  }
  return way;
}

function hasChildren(position: number, count: number): boolean {
  return position % 2 === 0 && position + 1 < count;
}
