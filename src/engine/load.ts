/**
 * Finds and compiles the engine's WebAssembly. Only node leaders need it, so nothing happens on
 * import.
 */
import { readFileSync } from 'node:fs';
import { PythonMpiError } from '../errors.ts';

/**
 * What `wasm/exports.txt` exports. Pointers are byte addresses; see `wasm/include/bcast.h` and
 * `wasm/abi.c`.
 */
export interface Abi {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  bcast_abi_arena_bytes(config: number): number;
  bcast_abi_init(arena: number, bytes: number, config: number, now: number): number;
  bcast_abi_tick(engine: number, now: number): number;
  bcast_abi_deadline(engine: number): number;
  bcast_plan(
    engine: number,
    sizes: number,
    packages: number,
    opaque: number,
    length: number,
  ): number;
  bcast_want(engine: number, needed: number): number;
  bcast_read_done(engine: number, slot: number): number;
  bcast_delivered(engine: number, segments: number): number;
  bcast_staged(engine: number, reused: number): number;
  bcast_failed(engine: number, code: number, text: number, length: number): number;
  bcast_opened(engine: number, link: number, position: number, role: number): number;
  bcast_dial_failed(engine: number, position: number): number;
  bcast_feed(engine: number, link: number, bytes: number, length: number): number;
  bcast_sent(engine: number, link: number, length: number): number;
  bcast_lost(engine: number, link: number): number;
  bcast_next(engine: number, record: number): number;
  bcast_inbox(engine: number, link: number, room: number): number;
  bcast_place(engine: number, link: number, room: number): number;
  bcast_put(engine: number, bytes: number, length: number): number;
  bcast_statistics(engine: number): number;
  bcast_shape(engine: number): number;
}

/** The same for `src/engine/` as for the bundles in `dist/bin/`. */
const WASM = new URL('../../dist/bcast.wasm', import.meta.url);

let compiled: WebAssembly.Module | undefined;

/**
 * The compiled engine; reads it on the first call.
 * @throws PythonMpiError INTERNAL when the installation lacks it
 */
export function compile(): WebAssembly.Module {
  if (compiled === undefined) {
    compiled = new WebAssembly.Module(read());
  }
  return compiled;
}

function read(): Buffer {
  try {
    return readFileSync(WASM);
  } catch (cause) {
    const hint = 'run make build';
    throw new PythonMpiError('INTERNAL', 'the installation lacks dist/bcast.wasm', { hint, cause });
  }
}

/** A fresh instance, for one `Engine`. */
export function instantiate(): Abi {
  return new WebAssembly.Instance(compile()).exports as unknown as Abi;
}
