/**
 * How the ranks of a job come to share a secret and find each other's listeners: the choice among the ways.
 *
 * Where the launcher has a key-value store, it is that. Where it has none, the places are derived from what all ranks
 * know, and the secret is in the environment or travels in credentials of MUNGE.
 */
import type { Deadline } from '../../deadline.ts';
import { PythonMpiError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Card } from '../../net/card.ts';
import { drawSecret } from '../../net/handshake.ts';
import type { Listener } from '../../net/listener.ts';
import type { LauncherSession, Placement } from '../../pmi/launcher.ts';
import { secretOrigin } from '../../pmi/secret.ts';
import { JobFailed } from '../run.ts';
import { DerivedRendezvous, latenessBy, type SecretSource, sharedSecret } from './derived.ts';
import { KvsRendezvous } from './kvs.ts';
import type { NodeMap } from './node-map.ts';

export interface Rendezvous {
  /** A node leader's part: opens the listener and makes it known. @returns the session's secret */
  lead(listener: Listener): Promise<Buffer>;
  /** The part of any other rank. @returns the session's secret and where its leader is */
  follow(): Promise<{ secret: Buffer; leader: Card }>;
  /** Whether all ranks are known to have been started once {@link lead} has returned. */
  readonly allStarted: boolean;
  /** How much later than this one another leader may begin to listen, in milliseconds. */
  readonly latenessMs: number;
  /** Where the leader of a position can be reached. Only after {@link lead} or {@link follow}. */
  cardOf(position: number): Promise<Card>;
  /** Nobody has to find this rank any more. */
  close(): void;
}

/** What meeting needs besides the launcher. */
export interface RendezvousOptions {
  /** Where a secret may be. */
  env: NodeJS.ProcessEnv;
  /** Network interface to be reached at, if the user chose one. */
  only: string | undefined;
  deadline: Deadline;
  log: Log;
}

/**
 * The way to meet under this launcher.
 * @throws PythonMpiError NO_SECRET when the launcher leaves no way to share one, USAGE when it is too short; on other ranks
 *   than the first JobFailed, since all of them find out
 */
export function chooseRendezvous(
  session: LauncherSession,
  nodeMap: NodeMap,
  { env, only, deadline, log }: RendezvousOptions,
): Rendezvous {
  const { kvs, hosts, jobId, placement } = session;
  if (placement.size === 1) return new LoneRendezvous();
  if (kvs !== undefined) {
    log("secret: drawn by the root, in the launcher's store");
    return new KvsRendezvous(kvs, nodeMap, only);
  }
  if (hosts === undefined || jobId === undefined) {
    const error = noSecret(session);
    throw placement.rank === 0 ? error : new JobFailed(error);
  }

  if (only !== undefined) log(`interface ${only}: not used, nodes are dialled by name here`);
  const meet = (source: SecretSource) =>
    new DerivedRendezvous(source, hosts, nodeMap, latenessBy(deadline), only);
  const origin = secretOrigin(env);
  const later = (make: (sealed: typeof import('./munge-secret.ts')) => SecretSource) => {
    let source: SecretSource | undefined;
    return meet({
      async find() {
        source = make(await import('./munge-secret.ts'));
        return source.find();
      },
      close: () => source?.close(),
    });
  };
  if (origin === undefined) {
    const error = noSecret(session);
    return later(({ noSource }) => noSource(jobId, hosts, nodeMap, error));
  }
  if ('variable' in origin) {
    if (origin.value.length < origin.least) throw guessable(origin, placement);
    log(`secret: from ${origin.variable}`);
    return meet(sharedSecret(origin.value, jobId));
  }
  log(`secret: drawn by the root, in credentials of MUNGE (${origin.munge})`);
  return later(({ sealedSecret }) => sealedSecret(origin.munge, jobId, hosts, nodeMap, deadline));
}

function noSecret({ launcher }: LauncherSession): PythonMpiError {
  return new PythonMpiError(
    'NO_SECRET',
    `${launcher} gives the ranks no way to share a secret, and there is no MUNGE`,
    {
      hint: 'put this line into the job script: export PYTHON_MPI_SECRET=$(openssl rand -hex 32)',
    },
  );
}

/** Whoever connects is shown something keyed with it, and can try keys at home. */
function guessable({ variable, least }: { variable: string; least: number }, { rank }: Placement) {
  const error = new PythonMpiError('USAGE', `${variable} has fewer than ${least} characters`, {
    hint: `put this line into the job script: export ${variable}=$(openssl rand -hex 32)`,
  });
  return rank === 0 ? error : new JobFailed(error);
}

/** A job of one rank meets nobody. */
class LoneRendezvous implements Rendezvous {
  readonly latenessMs = 0;
  readonly allStarted = true;

  async lead(): Promise<Buffer> {
    return drawSecret();
  }

  follow(): never {
    throw new PythonMpiError('INTERNAL', 'a job of one rank has no followers');
  }

  cardOf(): never {
    throw new PythonMpiError('INTERNAL', 'a job of one rank has no other nodes');
  }

  close(): void {}
}
