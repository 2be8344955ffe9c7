/**
 * The boundary between JavaScript and WebAssembly, pinned: what goes in, what comes out, with how
 * many arguments.
 */
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compile, instantiate } from '../../src/engine/load.ts';

/** Arity of every call; the rest is what emscripten adds to any module without a main(). */
const CALLS: Record<string, number> = {
  bcast_abi_arena_bytes: 1,
  bcast_abi_deadline: 1,
  bcast_abi_init: 4,
  bcast_abi_tick: 2,
  bcast_delivered: 2,
  bcast_dial_failed: 2,
  bcast_failed: 4,
  bcast_feed: 4,
  bcast_inbox: 3,
  bcast_lost: 2,
  bcast_next: 2,
  bcast_opened: 4,
  bcast_place: 3,
  bcast_plan: 5,
  bcast_put: 3,
  bcast_read_done: 2,
  bcast_sent: 3,
  bcast_shape: 1,
  bcast_staged: 2,
  bcast_statistics: 1,
  bcast_want: 2,
};
const RUNTIME = ['_initialize', '__errno_location', 'stackAlloc', 'stackRestore', 'stackSave'];

const test = suite('engine abi');

test('the module imports nothing', () => {
  assert.equal(WebAssembly.Module.imports(compile()), []);
});

test('it exports the calls, with these arities, and nothing else of ours', () => {
  const functions = WebAssembly.Module.exports(compile())
    .filter(({ kind }) => kind === 'function')
    .map(({ name }) => name)
    .filter(name => !RUNTIME.includes(name));
  assert.equal(functions.sort(), Object.keys(CALLS).sort());
  const abi = instantiate() as unknown as Record<string, (...args: number[]) => number>;
  for (const [name, arity] of Object.entries(CALLS)) assert.is(abi[name]!.length, arity, name);
});

test('exports.txt lists exactly these', () => {
  const listed = readFileSync(new URL('../../wasm/exports.txt', import.meta.url), 'utf8');
  const names = listed.trim().split('\n');
  assert.equal(names.map(name => name.replace(/^_/, '')).sort(), Object.keys(CALLS).sort());
});

test('memory can grow, and starts small', () => {
  const { memory } = instantiate();
  assert.ok(memory.buffer.byteLength <= 256 * 1024);
  const before = memory.buffer.byteLength;
  assert.is(memory.grow(1024), before / 65536);
  assert.is(memory.buffer.byteLength, before + 1024 * 65536);
});

test.run();
