/**
 * PMIx, without libpmix: `mpirun` of Open MPI, `prterun`, `jsrun`, PALS with --pmi=pmix.
 *
 * The session of libpmix inside Python is another connection of the same rank; ours is finalized
 * before Python starts and stays open until this process ends, so its owner cannot become Python.
 * All ranks must connect or none: Open MPI takes one that did not for crashed.
 */

import { Deadline } from '../../deadline.ts';
import { PythonMpiError } from '../../errors.ts';
import { shellStatus } from '../../outcome.ts';
import { dialPort } from '../channel.ts';
import { readCount } from '../environment.ts';
import { FAREWELL_MS, type Method } from '../launcher.ts';
import { dense } from '../mapping.ts';
import { PmixClient } from '../pmix/client.ts';
import type { Identity } from '../pmix/codec.ts';

/** Servers we can talk to, by the variable that names them, the newest encoding first. */
const SERVERS: readonly [variable: string, encoding: string][] = [
  ['PMIX_SERVER_URI41', 'v41'],
  ['PMIX_SERVER_URI4', 'v4'],
];

export const pmix: Method = {
  name: 'pmix',

  claims(env, log) {
    const { PMIX_NAMESPACE, PMIX_RANK } = env;
    if (PMIX_NAMESPACE === undefined || PMIX_RANK === undefined) return undefined;
    if (!hasPmixServer(env)) {
      log('launcher pmix: the PMIx server is older than version 4 or not there');
      return undefined;
    }
    return `PMIX_NAMESPACE=${PMIX_NAMESPACE}, PMIX_RANK=${PMIX_RANK}`;
  },

  async open({ env, why, deadline, log }) {
    const { variable, address, identity } = serverOf(env);
    const { namespace, rank } = identity.proc;
    const client = new PmixClient(await dialPort(variable, address, deadline), identity);
    await client.init(deadline);
    const { size, hosts } = await client.jobData(deadline);
    if (rank >= size)
      throw refuse(`says that the job has ${size} ranks, which PMIX_RANK=${rank} is not one of`);
    const names = [...new Set(hosts)];
    const indices = new Map(names.map((name, index) => [name, index]));
    log(`launcher pmix: rank ${rank} of ${size} on ${names.length} nodes, rank 0 on ${hosts[0]}`);

    const values = new Map<string, string>();
    let settled = false;
    const settle = async (until: Deadline): Promise<void> => {
      if (settled) return;
      settled = true;
      await client.finalize(until);
    };
    const abort = async (status: number): Promise<void> => {
      // Once settled it can be told nothing more, but sees how this process ends.
      if (!settled) await client.abort(status, Deadline.after(FAREWELL_MS)).catch(() => {});
    };
    return {
      launcher: this.name,
      why,
      placement: { rank, size, nodes: dense(hosts.map(host => indices.get(host)!)) },
      kvs: {
        async put(key, value) {
          values.set(key, value);
        },
        async fence() {
          if (values.size > 0) await client.commit(values, deadline);
          values.clear();
          await client.fence(deadline);
        },
        async get(key, owner = 0) {
          const value = await client.get(owner, key, deadline);
          if (value === undefined)
            throw new PythonMpiError('LAUNCHER', `rank ${owner} has no value for '${key}'`, {
              hint: 'check that every rank of the job runs the same python-mpi',
            });
          return value;
        },
      },
      hosts: names,
      jobId: namespace,
      handOver: { env: {}, descriptor: undefined, parentMustStay: true },
      settle: () => settle(deadline),
      async finish(outcome) {
        const status = shellStatus(outcome);
        if (status === 0) await settle(Deadline.after(FAREWELL_MS)).catch(() => {});
        else await abort(status);
      },
      abort,
    };
  },
};

/** Whether the environment names a PMIx server that can be spoken to. */
export function hasPmixServer(env: NodeJS.ProcessEnv): boolean {
  return SERVERS.some(([variable]) => env[variable] !== undefined);
}

/**
 * Where the server is and how to speak to it. A guess would wedge it, so what is not known is
 * refused.
 */
function serverOf(env: NodeJS.ProcessEnv): {
  variable: string;
  address: string;
  identity: Identity;
} {
  const [variable, encoding] = SERVERS.find(([name]) => env[name] !== undefined) ?? [];
  if (variable === undefined || encoding === undefined)
    throw refuse('is older than version 4 or not there');
  if (!env.PMIX_SECURITY_MODE?.split(',').includes('native'))
    throw refuse('wants credentials other than native');
  if (env.PMIX_BFROP_BUFFER_TYPE !== 'PMIX_BFROP_BUFFER_NON_DESC')
    throw refuse('wants self-describing messages');
  // The server keeps one store per job; any but the first would not be Python's.
  const gds = env.PMIX_GDS_MODULE?.split(',')[0];
  if (!gds) throw refuse('does not say where it keeps data');
  const [, address] = /^.*;tcp[46]:\/\/(.+)$/.exec(env[variable]!) ?? [];
  if (address === undefined)
    throw refuse(`has an address that is none (${variable}=${env[variable]})`);
  return {
    variable,
    address,
    identity: {
      proc: { namespace: env.PMIX_NAMESPACE ?? '', rank: readCount(env, 'PMIX_RANK', 0) },
      uid: process.geteuid!(),
      gid: process.getegid!(),
      encoding,
      gds,
    },
  };
}

function refuse(how: string): PythonMpiError {
  return new PythonMpiError('LAUNCHER', `the PMIx server of the launcher ${how}`, {
    hint: 'name another launcher with PYTHON_MPI_LAUNCHER, or start the job with another one',
  });
}
