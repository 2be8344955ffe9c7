/**
 * The only I/O towards a launcher: bytes to and from its descriptor or its TCP port. Knows no
 * protocol.
 *
 * The descriptor is a socket that the program we become inherits with everything set on it.
 * Wrapping it in a net.Socket would make it non-blocking for good, and libmpi, which expects it to
 * block, would fail. So it is read and written as a file, in libuv's pool, where a wait does not
 * hold up the rest of this process. A launcher that falls silent blocks a thread of the pool for
 * ever: such a process cannot end by exit(3), which joins it.
 */
import { fstatSync, read, write } from 'node:fs';
import { connect } from 'node:net';
import { promisify } from 'node:util';
import type { Deadline } from '../deadline.ts';
import { PythonMpiError } from '../errors.ts';

/** A connection to a launcher. One read at a time. */
export interface Channel {
  /** Sends all bytes at once. @throws the system's error when the other side has gone */
  write(bytes: Uint8Array): Promise<void>;
  /** The next bytes, or undefined at the end. */
  read(): Promise<Uint8Array | undefined>;
  /** Lets this process end although the connection is open. */
  unref(): void;
  /** Gives up what this process holds of it; a descriptor stays open for the program after us. */
  close(): void;
}

const CHUNK = 4096;
const readDescriptor = promisify(read);
const writeDescriptor = promisify(write);

/**
 * The inherited socket that a variable of the environment names.
 * @throws PythonMpiError LAUNCHER when it is closed or no socket
 */
export function socketOf(variable: string, text: string | undefined): number {
  const descriptor = /^\d+$/.test(text ?? '') ? Number(text) : -1;
  if (isSocket(descriptor)) return descriptor;
  throw new PythonMpiError('LAUNCHER', `${variable}=${text} is no open socket`, {
    hint: `let nothing between the launcher and python-mpi close it, or unset ${variable}`,
  });
}

/** The channel behind an inherited socket. */
export function openDescriptor(descriptor: number): Channel {
  return {
    async write(bytes) {
      // One system call: Slurm takes a request from one read. A blocking socket takes a short line
      // whole.
      await writeDescriptor(descriptor, bytes);
    },
    async read() {
      const { bytesRead, buffer } = await readDescriptor(descriptor, {
        buffer: new Uint8Array(CHUNK),
      });
      return bytesRead === 0 ? undefined : buffer.subarray(0, bytesRead);
    },
    unref() {},
    close() {},
  };
}

/**
 * Connects to a launcher's TCP port.
 * @param variable the environment variable that named it, for the error
 * @param address `host:port`, split at the last colon; an IPv6 host may stand in brackets
 * @throws PythonMpiError LAUNCHER when it refuses, TIMEOUT
 */
export async function dialPort(
  variable: string,
  address: string,
  deadline: Deadline,
): Promise<Channel> {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  const port = Number(address.slice(colon + 1));
  if (colon < 1 || !(port > 0 && port < 65536))
    throw new PythonMpiError('LAUNCHER', `${variable}=${address} is not host:port`);
  const socket = connect({ host, port, noDelay: true });
  const connected = new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', cause =>
      reject(
        new PythonMpiError(
          'LAUNCHER',
          `cannot connect to the launcher at ${address} (${cause.message})`,
          {
            hint: 'start the job again; its launcher has gone or cannot be reached from this node',
            cause,
          },
        ),
      ),
    );
  });
  try {
    await deadline.wait(connected, `the launcher at ${address} to accept a connection`);
  } catch (error) {
    socket.destroy();
    throw error;
  }
  // Later errors arrive where they matter: at the read or write they break.
  socket.on('error', () => {});
  const chunks: AsyncIterator<Uint8Array> = socket.iterator();
  return {
    write: bytes =>
      new Promise((resolve, reject) =>
        socket.write(bytes, error => (error ? reject(error) : resolve())),
      ),
    async read() {
      const next = await chunks.next();
      return next.done ? undefined : next.value;
    },
    unref: () => socket.unref(),
    close: () => socket.destroy(),
  };
}

function isSocket(descriptor: number): boolean {
  try {
    return fstatSync(descriptor).isSocket();
  } catch {
    return false;
  }
}
