/**
 * Listening sockets, and the connections made to them that have proved nothing yet: how many there
 * may be, and how long each may take. What is said on a connection is the caller's business.
 *
 * A peer that knows what to say needs milliseconds. So a new connection takes the place of the one
 * that has been pending longest, of the address that has most of them: connections that say
 * nothing, however many, are the ones to go, and cannot keep others out. Descriptors are limited
 * too, and most of them are for the files that are unpacked here.
 */
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { Alarm, now } from '../deadline.ts';
import { PythonMpiError } from '../errors.ts';

/** Most connections that may be pending, if the descriptors of this process allow for it. */
const MOST = 1024;
/** The share of this process's descriptors that pending connections may have. */
const SHARE = 1 / 4;

/**
 * A connection that has proved nothing yet. Its errors are ignored; it is closed when its time is
 * over.
 */
export class PendingConnection {
  /** Paused: nothing is read before the caller says so. */
  readonly socket: Socket;
  /** Where it comes from; a local one from no address. */
  readonly address: string;
  readonly #alarm: Alarm;
  readonly #patienceMs: number;
  readonly #leave: () => void;

  constructor(socket: Socket, patienceMs: number, left: () => void) {
    this.socket = socket;
    this.address = socket.remoteAddress ?? '';
    this.#patienceMs = patienceMs;
    this.#alarm = new Alarm(() => socket.destroy());
    this.#leave = left;
    socket.on('error', () => {});
    socket.once('close', () => this.leave());
  }

  /** From now on the peer is to speak, within the time there is. */
  hurry(): void {
    this.#alarm.set(now() + this.#patienceMs);
  }

  /** The peer waits for this process now, not the other way round. */
  relax(): void {
    this.#alarm.clear();
  }

  /** The connection is pending no more: it has proved itself, or is closed. */
  leave(): void {
    this.#alarm.clear();
    this.#leave();
  }
}

/** Accepts connections at any number of places. */
export class Acceptor {
  readonly #greet: (pending: PendingConnection) => void;
  readonly #patienceMs: number;
  readonly #most: number;
  readonly #servers: Server[] = [];
  /** By address, in the order in which they came. */
  readonly #pending = new Map<string, Set<PendingConnection>>();
  #count = 0;

  /**
   * @param greet takes each connection
   * @param patienceMs how long one may take to speak from {@link PendingConnection.hurry} on
   */
  constructor(
    greet: (pending: PendingConnection) => void,
    patienceMs: number,
    most = Math.min(MOST, Math.ceil(SHARE * descriptorLimit())),
  ) {
    this.#greet = greet;
    this.#patienceMs = patienceMs;
    this.#most = most;
  }

  /**
   * Listens on the first of these ports that is free; 0 lets the kernel choose one.
   * @param addresses where to listen, at all of them; at every address there is if not given
   * @returns the port
   * @throws PythonMpiError SYSTEM when none of the ports can be had
   */
  async tcp(ports: readonly number[], addresses?: readonly string[]): Promise<number> {
    let last: unknown;
    for (const port of ports) {
      try {
        return await (addresses === undefined ? this.#everywhere(port) : this.#at(addresses, port));
      } catch (error) {
        last = error;
      }
    }
    if (ports.length < 2) throw last;
    const tried = `${ports.length} ports from ${Math.min(...ports)} to ${Math.max(...ports)}`;
    throw new PythonMpiError('SYSTEM', `cannot listen on any of ${tried}`, {
      hint: 'give PYTHON_MPI_PORT_RANGE more ports',
      cause: last,
    });
  }

  async #everywhere(port: number): Promise<number> {
    try {
      return portOf(await this.#listen({ host: '::', port }));
    } catch {
      // A kernel without IPv6 has no '::'.
      return portOf(await this.#listen({ host: '0.0.0.0', port }));
    }
  }

  /** At several addresses, on one port of all. */
  async #at(addresses: readonly string[], port: number): Promise<number> {
    const servers: Server[] = [];
    try {
      for (const host of addresses) {
        const [first] = servers;
        servers.push(
          await this.#listen({ host, port: first === undefined ? port : portOf(first) }),
        );
      }
      return portOf(servers[0]!);
    } catch (error) {
      for (const server of servers) server.close();
      throw error;
    }
  }

  /**
   * Listens on an abstract local socket: no file to leave behind.
   * @param name without the leading NUL byte
   * @throws PythonMpiError SYSTEM
   */
  async local(name: string): Promise<void> {
    await this.#listen({ path: `\0${name}` });
  }

  /** Stops listening; connections live on. */
  close(): void {
    for (const server of this.#servers) server.close();
  }

  #listen(where: { host: string; port: number } | { path: string }): Promise<Server> {
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: false }, socket =>
      this.#enter(socket),
    );
    return new Promise((resolve, reject) => {
      server.once('listening', () => {
        this.#servers.push(server);
        resolve(server);
      });
      server.once('error', error =>
        reject(new PythonMpiError('SYSTEM', `cannot listen (${error.message})`)),
      );
      server.listen({ ...where, backlog: 4096 });
    });
  }

  #enter(socket: Socket): void {
    const pending: PendingConnection = new PendingConnection(socket, this.#patienceMs, () =>
      this.#remove(pending),
    );
    if (this.#count >= this.#most) this.#evict();
    const others = this.#pending.get(pending.address);
    if (others === undefined) this.#pending.set(pending.address, new Set([pending]));
    else others.add(pending);
    this.#count++;
    this.#greet(pending);
  }

  #remove(pending: PendingConnection): void {
    const { address } = pending;
    const others = this.#pending.get(address);
    if (others?.delete(pending)) this.#count--;
    if (others?.size === 0) this.#pending.delete(address);
  }

  #evict(): void {
    let most = new Set<PendingConnection>();
    for (const others of this.#pending.values()) if (others.size > most.size) most = others;
    const [longest] = most;
    this.#remove(longest!);
    longest!.socket.destroy();
  }
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

/** How many descriptors this process may have open; see proc(5). */
function descriptorLimit(): number {
  const limits = readFileSync('/proc/self/limits', 'latin1');
  const [, soft] = /^Max open files +(\d+)/m.exec(limits) ?? [];
  return soft === undefined ? Infinity : Number(soft);
}
