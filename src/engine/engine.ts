/**
 * The broadcast engine of `wasm/`, typed. Owns the ABI: no other module knows of WebAssembly,
 * records or offsets. Knows no sockets, files or timers; `wasm/include/bcast.h` is the manual of
 * what is behind it.
 */
import { CONFIG_DEFAULT, ERROR_TEXT, REASON, RECORD, ROLE, STATISTICS } from './constants.ts';
import type { Abi } from './load.ts';

export { FAILURE, SHAPE, TEXT_MAX } from './constants.ts';

/** What makes a session; all but `position` and `count` have defaults. Times in milliseconds. */
export type EngineConfig = typeof CONFIG_DEFAULT;

export type Statistics = Record<(typeof STATISTICS)[number], number>;

/** The positions behind a go verdict. */
export interface Ready {
  ready: number;
  /** How many of the ready ones had everything before the session. */
  reused: number;
  /** Positions the session went on without. */
  lost: number;
}

/** The verdict when it is not go. */
export interface Failure {
  /** As given to {@link Engine.failed}, or one of FAILURE when the engine itself gave up. */
  code: number;
  position: number;
  text: string;
}

/**
 * What the engine asks for. `Uint8Array`s are views of engine memory, valid until the answer named
 * here; a caller that needs the bytes longer copies them. Actions may call the engine back at once.
 */
export interface Actions {
  /**
   * Connect to `position` and authenticate; answer {@link Engine.opened} or {@link
   * Engine.dialFailed}.
   */
  dial(position: number): void;
  /** What is going to come; answer {@link Engine.want}. Not at the root. `opaque` stays valid. */
  plan(opaque: Uint8Array, sizes: number[]): void;
  /** Root: fill `into` with a package's bytes from `offset`; answer {@link Engine.read}. */
  read(slot: number, packageIndex: number, offset: number, into: Uint8Array): void;
  /** Write to the link, in order; answer {@link Engine.sent}. */
  send(link: number, bytes: Uint8Array): void;
  /** The next segment for the unpacker, in stream order; answer {@link Engine.delivered}. */
  deliver(packageIndex: number, offset: number, bytes: Uint8Array): void;
  /** Destroy the connection now; unsent bytes are void and the id is free. */
  close(link: number, reason: string): void;
  /** The verdict is go. */
  ready(counts: Ready): void;
  /** The verdict is a failure. */
  failed(failure: Failure): void;
  /** Nothing is left to do: close everything. */
  done(): void;
}

const PAGE = 65536;
const RECORD_BYTES = 32;
const TWO_32 = 2 ** 32;

/** One position's part in one session. */
export class Engine {
  readonly #abi: Abi;
  /** The engine, which lies at the start of its arena. */
  readonly #engine: number;
  /** Memory outside the arena for what goes in and out of calls: a record, then bytes. */
  readonly #scratch: number;
  readonly #scratchBytes: number;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #record: Uint32Array;

  /**
   * @param abi an instance of its own, from `instantiate()`
   * @param now milliseconds on the clock that {@link tick} goes on with
   * @throws Error when the configuration describes no possible session
   */
  constructor(abi: Abi, config: Partial<EngineConfig>, now: number) {
    const full = { ...CONFIG_DEFAULT, ...config };
    this.#abi = abi;
    this.#scratchBytes = Math.ceil((RECORD_BYTES + full.planBytes + PAGE) / PAGE) * PAGE;
    this.#scratch = abi.memory.grow(this.#scratchBytes / PAGE) * PAGE;
    new Uint32Array(abi.memory.buffer, this.#scratch).set(Object.values(full));
    const arenaBytes = abi.bcast_abi_arena_bytes(this.#scratch);
    if (arenaBytes === 0) throw new Error(`engine: ${ERROR_TEXT[1]}`);
    this.#engine = abi.memory.grow(Math.ceil(arenaBytes / PAGE)) * PAGE;
    // Memory never grows again, so views stay good.
    this.#bytes = new Uint8Array(abi.memory.buffer);
    this.#check(abi.bcast_abi_init(this.#engine, arenaBytes, this.#scratch, now));
    this.#record = new Uint32Array(abi.memory.buffer, this.#scratch, RECORD_BYTES / 4);
  }

  /**
   * Root, once: what is going to be sent.
   * @param sizes bytes of each package
   * @param opaque what all positions are to be told about them
   */
  plan(sizes: readonly number[], opaque: Uint8Array): void {
    const at = this.#scratch + RECORD_BYTES;
    const opaqueAt = at + 8 * sizes.length;
    if (opaqueAt + opaque.length > this.#scratch + this.#scratchBytes) {
      throw new RangeError('engine: the plan is larger than planBytes');
    }
    new BigUint64Array(this.#bytes.buffer, at, sizes.length).set(sizes.map(BigInt));
    this.#bytes.set(opaque, opaqueAt);
    this.#check(this.#abi.bcast_plan(this.#engine, at, sizes.length, opaqueAt, opaque.length));
  }

  /** Once, after the plan is known: whether the stream is to be delivered here. */
  want(needed: boolean): void {
    this.#check(this.#abi.bcast_want(this.#engine, Number(needed)));
  }

  /** Root: the read of this slot is complete. */
  read(slot: number): void {
    this.#check(this.#abi.bcast_read_done(this.#engine, slot));
  }

  /** The oldest `segments` delivered segments are used up. */
  delivered(segments: number): void {
    this.#check(this.#abi.bcast_delivered(this.#engine, segments));
  }

  /** This position is ready. */
  staged(reused: boolean): void {
    this.#check(this.#abi.bcast_staged(this.#engine, Number(reused)));
  }

  /** This position has failed. `code` is opaque to the engine; `text` is cut at TEXT_MAX bytes. */
  failed(code: number, text: string): void {
    const at = this.#scratch + RECORD_BYTES;
    const { written } = new TextEncoder().encodeInto(text, this.#bytes.subarray(at, at + PAGE / 2));
    this.#check(this.#abi.bcast_failed(this.#engine, code, at, written));
  }

  /** A connection to an authenticated peer exists: the answer to a dial, or an accepted one. */
  opened(link: number, position: number, role: 'parent' | 'child'): void {
    const number = role === 'parent' ? ROLE.PARENT : ROLE.CHILD;
    this.#check(this.#abi.bcast_opened(this.#engine, link, position, number));
  }

  /** The answer to a dial when there is no connection. */
  dialFailed(position: number): void {
    this.#check(this.#abi.bcast_dial_failed(this.#engine, position));
  }

  /**
   * Where the next bytes of a link are best received, before {@link feed}. Good until the link is
   * fed or closed.
   */
  inbox(link: number): Uint8Array<ArrayBuffer> {
    const at = this.#abi.bcast_inbox(this.#engine, link, this.#scratch);
    return this.#span(at, this.#record[0]!);
  }

  /**
   * For a caller that verifies what it feeds, with `gapBytes` of its own in front of each frame:
   * where the next bytes of a link, gaps and all, should be received. Good until the link is fed or
   * closed; undefined where it does not matter.
   */
  place(link: number): Uint8Array<ArrayBuffer> | undefined {
    const at = this.#abi.bcast_place(this.#engine, link, this.#scratch);
    return this.#record[0] === 0 ? undefined : this.#span(at, this.#record[0]!);
  }

  /** Bytes were put into a {@link place}; they may be fed later. */
  put(bytes: Uint8Array): void {
    this.#check(this.#abi.bcast_put(this.#engine, bytes.byteOffset, bytes.length));
  }

  /**
   * Bytes arrived on a link: in its {@link inbox} or anywhere else, from where they are copied
   * through it.
   */
  feed(link: number, bytes: Uint8Array): void {
    if (bytes.buffer === this.#bytes.buffer) {
      this.#check(this.#abi.bcast_feed(this.#engine, link, bytes.byteOffset, bytes.length));
      return;
    }
    for (let at = 0; at < bytes.length; ) {
      const inbox = this.inbox(link);
      if (inbox.length === 0) return; // The link was closed for what came before.
      const part = bytes.subarray(at, at + inbox.length);
      inbox.set(part);
      this.feed(link, inbox.subarray(0, part.length));
      at += part.length;
    }
  }

  /** The oldest `length` bytes of what was to be sent on `link` are written. */
  sent(link: number, length: number): void {
    this.#check(this.#abi.bcast_sent(this.#engine, link, length));
  }

  /** The link is gone, by end of input or by an error. */
  lost(link: number): void {
    this.#check(this.#abi.bcast_lost(this.#engine, link));
  }

  /** Time has come to be `now`. Call it first after each wait. */
  tick(now: number): void {
    this.#check(this.#abi.bcast_abi_tick(this.#engine, now));
  }

  /** When {@link tick} wants to be called next at the latest; Infinity for never. */
  get deadline(): number {
    return this.#abi.bcast_abi_deadline(this.#engine);
  }

  /** Which of the shapes the tree has: never BEST. */
  get shape(): number {
    return this.#abi.bcast_shape(this.#engine);
  }

  get statistics(): Statistics {
    const at = this.#abi.bcast_statistics(this.#engine);
    const counters = new BigUint64Array(this.#bytes.buffer, at, STATISTICS.length);
    return Object.fromEntries(
      STATISTICS.map((name, index) => [name, Number(counters[index])]),
    ) as Statistics;
  }

  /** Performs everything the engine wants done by now. Call it after telling it what happened. */
  drain(actions: Actions): void {
    while (this.#abi.bcast_next(this.#engine, this.#scratch) === 1) this.#perform(actions);
  }

  #perform(actions: Actions): void {
    // Read before acting: the action may call back and overwrite the record.
    const [kind, a, b, c, d, e, f] = this.#record as unknown as Words;
    switch (kind) {
      case RECORD.DIAL:
        actions.dial(a);
        break;
      case RECORD.PLAN: {
        const sizes = new BigUint64Array(this.#bytes.buffer, this.#engine + d, c);
        actions.plan(this.#span(a, b), Array.from(sizes, Number));
        break;
      }
      case RECORD.READ:
        actions.read(a, b, c + d * TWO_32, this.#span(e, f));
        break;
      case RECORD.SEND:
        actions.send(a, this.#span(b, c));
        break;
      case RECORD.DELIVER:
        actions.deliver(a, b + c * TWO_32, this.#span(d, e));
        break;
      case RECORD.CLOSE:
        actions.close(a, REASON[b] ?? 'unknown');
        break;
      case RECORD.READY:
        actions.ready({ ready: a, reused: b, lost: c });
        break;
      case RECORD.FAILED:
        actions.failed({ code: a, position: b, text: new TextDecoder().decode(this.#span(c, d)) });
        break;
      case RECORD.DONE:
        actions.done();
        break;
      default:
        throw new Error(`engine: unknown record ${kind}`);
    }
  }

  #span(offset: number, length: number): Uint8Array<ArrayBuffer> {
    const at = this.#engine + offset;
    return this.#bytes.subarray(at, at + length);
  }

  #check(error: number): void {
    if (error !== 0) throw new Error(`engine: ${ERROR_TEXT[error] ?? `error ${error}`}`);
  }
}

type Words = readonly [number, number, number, number, number, number, number, number];
