/** Strangers at a leader's door. */
import { connect, type Socket } from 'node:net';

/** A connection that was not asked for, and what comes back on it until it is closed. */
export function intrude(
  port: number,
  said?: Uint8Array,
): { socket: Socket; closed: Promise<Buffer> } {
  const socket = connect({ host: '127.0.0.1', port });
  const heard: Buffer[] = [];
  socket.on('data', data => heard.push(data));
  socket.on('error', () => {});
  const closed = new Promise<Buffer>(resolve =>
    socket.on('close', () => resolve(Buffer.concat(heard))),
  );
  if (said !== undefined) socket.write(said);
  return { socket, closed };
}
