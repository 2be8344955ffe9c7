/**
 * Where the ranks' secret can come from when the launcher has no store to put one into.
 */
import { existsSync, readFileSync } from 'node:fs';

/**
 * Given in the environment, or to be sent in credentials that a MUNGE daemon of each node seals.
 */
export type SecretOrigin = { variable: string; value: string; least: number } | { munge: string };

/** The launcher's own word before the user's, and how many characters it must have. */
const VARIABLES = [
  { variable: 'PMI_SHARED_SECRET', least: 1 },
  { variable: 'PYTHON_MPI_SECRET', least: 16 },
] as const;
/** As MUNGE is built by default, and by distributions that still know /var/run. */
const SOCKETS = ['/run/munge/munge.socket.2', '/var/run/munge/munge.socket.2'];

/**
 * The first origin there is, or undefined. The same on all ranks of a job, if its nodes are alike.
 * @param env may hold the secret; SLURM_CONF names Slurm's configuration, whose AuthInfo names
 *   MUNGE's socket where it is another than the default
 */
export function secretOrigin(env: NodeJS.ProcessEnv): SecretOrigin | undefined {
  for (const { variable, least } of VARIABLES) {
    const value = env[variable];
    if (value) return { variable, value, least };
  }
  const configured = authInfoSocket(env.SLURM_CONF ?? '/etc/slurm/slurm.conf');
  const munge = [...configured, ...SOCKETS].find(path => existsSync(path));
  return munge === undefined ? undefined : { munge };
}

/** See `man slurm.conf`, AuthInfo. */
function authInfoSocket(path: string): string[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return [];
  }
  const socket = /^\s*AuthInfo\s*=(?:[^\s#]*,)?socket=([^\s,#]+)/im.exec(text)?.[1];
  return socket === undefined ? [] : [socket];
}
