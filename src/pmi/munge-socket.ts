/**
 * Where the node's MUNGE daemon listens, if it has one: what Slurm itself uses to tell one user from another.
 */
import { existsSync, readFileSync } from 'node:fs';

/** As MUNGE is built by default, and by distributions that still know /var/run. */
const DEFAULTS = ['/run/munge/munge.socket.2', '/var/run/munge/munge.socket.2'];

/**
 * Path of the daemon's socket, or undefined where there is none.
 * @param env SLURM_CONF names Slurm's configuration, whose AuthInfo names the socket where it is another than the default
 */
export function mungeSocket(env: NodeJS.ProcessEnv): string | undefined {
  const configured = authInfoSocket(env.SLURM_CONF ?? '/etc/slurm/slurm.conf');
  return [...configured, ...DEFAULTS].find(path => existsSync(path));
}

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
