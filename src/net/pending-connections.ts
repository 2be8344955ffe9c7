/**
 * Those who have connected and proved nothing yet: how many there may be, and how long each may take.
 *
 * Who knows what to say needs milliseconds. So a newcomer takes the place of whoever has been there longest: somebody who
 * opens connections and says nothing, however many, is the one who has to go, and cannot keep others out. Descriptors
 * are limited too, and most of them are for the files that are unpacked here.
 */
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { Alarm, now } from '../deadline.ts';

const MOST = 1024;
/** The share of this process's descriptors that may be strangers'. */
const SHARE = 1 / 4;

export class PendingConnections {
  readonly #patienceMs: number;
  readonly #most: number;
  /** In the order in which they came. */
  readonly #sockets = new Set<Socket>();

  /** @param patienceMs how long one may take from {@link hurry} on */
  constructor(patienceMs: number, most = Math.min(MOST, Math.ceil(SHARE * descriptorLimit()))) {
    this.#patienceMs = patienceMs;
    this.#most = most;
  }

  /**
   * Somebody has connected. His errors are nobody's business until he has proved himself.
   * @returns what to call when he is to say something within the time there is; when he has to wait for us instead; and
   *   when he has proved himself
   */
  enter(socket: Socket): { hurry: () => void; relax: () => void; leave: () => void } {
    if (this.#sockets.size >= this.#most) {
      const [longest] = this.#sockets;
      this.#sockets.delete(longest!);
      longest!.destroy();
    }
    this.#sockets.add(socket);
    const alarm = new Alarm(() => socket.destroy());
    const leave = () => {
      alarm.clear();
      this.#sockets.delete(socket);
    };
    socket.on('error', () => {});
    socket.once('close', leave);
    return { hurry: () => alarm.set(now() + this.#patienceMs), relax: () => alarm.clear(), leave };
  }
}

/** How many descriptors this process may have open; see proc(5). */
function descriptorLimit(): number {
  const limits = readFileSync('/proc/self/limits', 'latin1');
  const [, soft] = /^Max open files +(\d+)/m.exec(limits) ?? [];
  return soft === undefined ? Infinity : Number(soft);
}
