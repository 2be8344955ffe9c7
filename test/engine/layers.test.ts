/**
 * The layers of the engine's C: what a module may include. (That there are no circles is for
 * test/house.test.ts.)
 */
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** From the bottom up; a module knows those of its own layer and of all before it. */
const LAYERS: readonly (readonly string[])[] = [
  ['bcast_defs', 'bcast', 'bytes', 'least'],
  ['checksum', 'tree', 'stream'],
  ['frame', 'link', 'window'],
  ['state'],
  ['links', 'members'],
  ['flow', 'verdict', 'straggler'],
  ['parent', 'stall'],
  ['reap'],
  ['protocol', 'arena'],
  ['records', 'clock', 'engine'],
  ['abi'],
];

const sources = globSync('wasm/**/*.{c,h}', { cwd: root })
  .sort()
  .map(file => ({ file, text: readFileSync(join(root, file), 'utf8') }));

const moduleOf = (file: string) => basename(file).replace(/\.[ch]$/, '');
const layerOf = (module: string) => LAYERS.findIndex(layer => layer.includes(module));
const includesOf = (text: string) =>
  [...text.matchAll(/^#include "([^"]+)"/gm)].map(match => moduleOf(match[1]!));

const test = suite('engine layers');

test('every module has its layer, and every layer its modules', () => {
  const modules = new Set(sources.map(({ file }) => moduleOf(file)));
  assert.equal([...modules].sort(), LAYERS.flat().sort());
});

test('a file includes only headers of its own layer and below', () => {
  const upwards = sources.flatMap(({ file, text }) =>
    includesOf(text)
      .filter(other => layerOf(other) > layerOf(moduleOf(file)))
      .map(other => `${file} -> ${other}.h`),
  );
  assert.equal(upwards, []);
});

test('the state is structures, and no functions', () => {
  const { text } = sources.find(({ file }) => file === 'wasm/state.h')!;
  assert.not.match(text, /\binline\b|\)\s*[;{]/);
});

test.run();
