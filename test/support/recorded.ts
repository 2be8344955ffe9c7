/**
 * A launcher that plays back an exchange as it was recorded with a real server.
 */
import * as assert from 'uvu/assert';
import type { Channel } from '../../src/pmi/channel.ts';

/** Requests as a client sends them, and the replies to them. */
export type Exchange = readonly (readonly [request: string, reply: string])[];

/**
 * A channel to it. A request that is not the one recorded, or not one write, fails the test.
 * @param piece delivers each reply in pieces of so many bytes
 */
export function replay(exchange: Exchange, piece: number): Channel & { sent: string[] } {
  const sent: string[] = [];
  const chunks: Uint8Array[] = [];
  return {
    sent,
    async write(bytes) {
      const [request, reply] = exchange[sent.length] ?? [];
      const text = Buffer.from(bytes).toString();
      assert.is(text, request, 'each request is one write, and the one recorded');
      sent.push(text);
      const answer = Buffer.from(reply!);
      for (let at = 0; at < answer.length; at += piece)
        chunks.push(answer.subarray(at, at + piece));
    },
    read: async () => chunks.shift(),
    unref() {},
    close() {},
  };
}

/**
 * A channel to a launcher that answers every request with the next of these texts; undefined is its
 * end.
 */
export function answering(...answers: (string | undefined)[]): Channel & { sent: string[] } {
  const sent: string[] = [];
  const chunks: (Uint8Array | undefined)[] = [];
  return {
    sent,
    async write(bytes) {
      sent.push(Buffer.from(bytes).toString());
      const answer = answers.shift();
      chunks.push(answer === undefined ? undefined : Buffer.from(answer));
    },
    read: async () => chunks.shift(),
    unref() {},
    close() {},
  };
}
