/**
 * The choice among the ways in which the ranks of a job come to share a secret and find each
 * other's listeners.
 *
 * Where the launcher has a key-value store, it is that. Where it has none, the places are derived
 * from what all ranks know, and the secret is in the environment or travels in credentials of
 * MUNGE.
 */
import type { Deadline } from '../../deadline.ts';
import { PythonMpiError, type SeenBy } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { publishableAddresses } from '../../net/addresses.ts';
import { drawSecret } from '../../net/handshake.ts';
import type { Reach } from '../../net/reach.ts';
import type { LauncherSession } from '../../pmi/launcher.ts';
import { secretOrigin } from '../../pmi/secret.ts';
import { DerivedRendezvous, latenessBy, type SecretSource, sharedSecret } from './derived.ts';
import { KvsRendezvous } from './kvs.ts';
import type { NodeMap } from './node-map.ts';
import type { Rendezvous } from './rendezvous.ts';

/** What meeting needs besides the launcher. */
export interface RendezvousOptions {
  /** Where a secret may be. */
  env: NodeJS.ProcessEnv;
  /** Where this node is to be reached. */
  reach: Reach;
  deadline: Deadline;
  log: Log;
  /** Whether the other ranks of this node wait for it elsewhere, and do not come here. */
  othersWait?: boolean;
}

/**
 * The way to meet under this launcher.
 * @throws PythonMpiError NO_SECRET when the launcher leaves no way to share one, USAGE when it is
 *   too short
 */
export function chooseRendezvous(
  session: LauncherSession,
  nodeMap: NodeMap,
  { env, reach, deadline, log, othersWait = false }: RendezvousOptions,
): Rendezvous {
  const { kvs, hosts, jobId, placement } = session;
  if (placement.size === 1) return new LoneRendezvous(reach);
  if (kvs !== undefined) {
    // A fence would wait for ranks that do not speak to the launcher.
    if (othersWait && nodeMap.leaders.length === 1) return new LoneRendezvous(reach);
    log("secret: drawn by the root, in the launcher's store");
    return new KvsRendezvous(kvs, nodeMap, reach);
  }
  if (hosts === undefined || jobId === undefined) throw noSecret(session, 'the first rank');

  const meet = (source: SecretSource) =>
    new DerivedRendezvous(source, hosts, nodeMap, latenessBy(deadline), reach);
  const origin = secretOrigin(env);
  const later = (make: (sealed: typeof import('./munge-secret.ts')) => SecretSource) => {
    let source: SecretSource | undefined;
    return meet({
      async find() {
        source = make(await import('./munge-secret.ts'));
        return source.find();
      },
      settled: () => source?.settled?.(),
      close: () => source?.close(),
    });
  };
  if (origin === undefined) {
    const error = noSecret(session, 'this node');
    return later(({ noSource }) => noSource(jobId, hosts, nodeMap, error, reach.ports));
  }
  if ('variable' in origin) {
    if (origin.value.length < origin.least) throw guessable(origin);
    log(`secret: from ${origin.variable}`);
    return meet(sharedSecret(origin.value, jobId));
  }
  log(`secret: drawn by the root, in credentials of MUNGE (${origin.munge})`);
  return later(({ sealedSecret }) =>
    sealedSecret({ socket: origin.munge, jobId, hosts, nodeMap, reach, deadline }),
  );
}

function noSecret({ launcher }: LauncherSession, seenBy: SeenBy): PythonMpiError {
  return new PythonMpiError(
    'NO_SECRET',
    `${launcher} gives the ranks no way to share a secret, and there is no MUNGE`,
    {
      hint: 'put this line into the job script: export PYTHON_MPI_SECRET=$(openssl rand -hex 32)',
      seenBy,
    },
  );
}

/** A peer that connects is shown something keyed with it, and can try keys offline. */
function guessable({ variable, least }: { variable: string; least: number }): PythonMpiError {
  return new PythonMpiError('USAGE', `${variable} has fewer than ${least} characters`, {
    hint: `put this line into the job script: export ${variable}=$(openssl rand -hex 32)`,
  });
}

/** A job of one rank has nothing to find. */
class LoneRendezvous implements Rendezvous {
  readonly latenessMs = 0;
  readonly allStarted = true;

  readonly #reach: Reach;

  constructor(reach: Reach) {
    this.#reach = reach;
  }

  async lead(): Promise<Buffer> {
    // Not needed, but the user's word.
    if (this.#reach.interface !== undefined) await publishableAddresses(this.#reach.interface);
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
