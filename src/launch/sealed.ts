/**
 * A secret where there is nothing but MUNGE: the root draws one, and everybody asks the one before him in the tree.
 *
 * Who asks shows a credential of MUNGE and gets the secret in another. Both are sealed by this user and can be opened by
 * him alone, so a stranger on one of the public ports learns nothing and is not believed. The answer repeats a
 * nonce of the question, so an old one is worthless.
 */
import { randomBytes } from 'node:crypto';
import type { Deadline } from '../deadline.ts';
import { PythonMpiError } from '../errors.ts';
import { Munge } from '../exec/munge.ts';
import { drawSecret, readSecret } from '../net/handshake.ts';
import { ask, Desk } from '../net/question.ts';
import { derivePlace, type Place, type SecretSource } from './derived.ts';
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
  const placeOf = (of: number): Place => derivePlace(`${uid} ${jobId}`, 'secret', hosts[of]!, of);

  /** What this user has sealed for this job. */
  const open = async (credential: string): Promise<string[]> => {
    const { uid: sealer, payload } = await munge.open(credential);
    const [about, ...words] = payload.trim().split('|');
    if (sealer === uid && about === name) return words;
    throw new PythonMpiError('AUTHENTICATION', 'a credential of another user or job');
  };

  const askAt = (of: number): Promise<Buffer> => {
    const { endpoints, local } = placeOf(of);
    const nonce = randomBytes(NONCE_BYTES).toString('hex');
    const question = {
      ask: () => munge.seal(`${name}|${nonce}`),
      read: async (answer: string) => {
        const [echo, secret] = await open(answer).catch(() => []);
        return echo === nonce && secret !== undefined ? readSecret(secret) : undefined;
      },
    };
    const targets = of === position ? [{ local }] : endpoints;
    return ask(targets, question, deadline, `the secret of this job from ${hosts[of]}`);
  };

  const leadBy = async (secret: Promise<Buffer>): Promise<Buffer> => {
    const below = childrenOf(position, leaders.length);
    const answer = async (question: string) => {
      const [nonce] = await open(question);
      return munge.seal(`${name}|${nonce}|${(await secret).toString('hex')}`);
    };
    const desk = new Desk(below + locals - 1, answer);
    const { endpoints, local } = placeOf(position);
    if (locals > 1) await desk.local(local);
    if (below > 0) await desk.tcp(endpoints.map(endpoint => endpoint.port));
    return secret;
  };

  return () => {
    if (!leads) return askAt(position);
    if (position > 0) return leadBy(askAt(parentOf(position)));
    return leadBy(Promise.resolve(drawSecret()));
  };
}

/** The binomial tree again: a position's parent is the position with its lowest set bit cleared. */
function parentOf(position: number): number {
  return position & (position - 1);
}

function childrenOf(position: number, count: number): number {
  let children = 0;
  for (let step = 1; position + step < count && (position & step) === 0; step *= 2) children++;
  return children;
}
