/**
 * Opening a listening socket. What is said on it is the caller's business.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { PythonMpiError } from '../errors.ts';

/**
 * Listens on every address, on the first of these ports that is free; 0 lets the kernel choose one.
 * @param accept takes each connection, paused, so that nothing is read before somebody is there to count it
 * @throws PythonMpiError SYSTEM when none of the ports can be had
 */
export async function listenTcp(
  ports: readonly number[],
  accept: (socket: Socket) => void,
): Promise<Server> {
  let last: unknown;
  for (const port of ports) {
    // A kernel without IPv6 has no '::'.
    for (const host of ['::', '0.0.0.0']) {
      try {
        return await listen({ host, port }, accept);
      } catch (error) {
        last = error;
      }
    }
  }
  throw last;
}

/**
 * Listens on an abstract local socket: no file to leave behind.
 * @param name without the leading NUL byte
 * @throws PythonMpiError SYSTEM
 */
export function listenLocal(name: string, accept: (socket: Socket) => void): Promise<Server> {
  return listen({ path: `\0${name}` }, accept);
}

function listen(
  where: { host: string; port: number } | { path: string },
  accept: (socket: Socket) => void,
): Promise<Server> {
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: false }, accept);
  return new Promise((resolve, reject) => {
    server.once('listening', () => resolve(server));
    server.once('error', error =>
      reject(new PythonMpiError('SYSTEM', `cannot listen (${error.message})`)),
    );
    server.listen({ ...where, backlog: 4096 });
  });
}
