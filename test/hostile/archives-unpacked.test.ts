/**
 * Archives that no honest tool would write, and that are harmless: each gives the tree that GNU tar
 * makes of it, or differs from that on purpose.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PythonMpiError } from '../../src/errors.ts';
import {
  type Blocks,
  deep,
  directory,
  extract,
  file,
  link,
  symlink,
} from '../support/hostile-archive.ts';
import { listing, scratch } from '../support/scratch.ts';
import { archive, gnuLong, member, pax } from '../support/tar-builder.ts';

/**
 * What GNU tar makes of it, or undefined when it complains. Only for archives that were found
 * harmless.
 */
function asGnuTar(bytes: Buffer): string | undefined {
  const tree = path.join(scratch(), 'tree');
  fs.mkdirSync(tree, 0o700);
  const options = ['--no-same-owner', '--no-same-permissions', '-C', tree, '-xf', '-'];
  const { status } = spawnSync('tar', options, { input: bytes });
  return status === 0 ? tree : undefined;
}

/**
 * Kind, permissions that survive, time in seconds, size, path, target and link of everything in a
 * tree.
 */
function comparable(tree: string): string[] {
  return listing(tree).map(line => {
    const [kind, mode, time, ...rest] = JSON.parse(line);
    const safe = (Number.parseInt(mode, 8) & 0o755).toString(8);
    // A directory that no member names has the time at which it was made.
    const seconds = kind === '40000' && time > 1.5e12 ? 'now' : Math.floor(time / 1000);
    return JSON.stringify([kind, safe, seconds, ...rest]);
  });
}

/** Unpacked, and equal to what GNU tar makes of it. */
const unpacked: Record<string, Blocks> = {
  'names with line breaks, quotes and blanks': [
    'a\nb',
    'a\rb',
    ' ',
    '"',
    "'",
    '\\',
    '\x1b[31m',
    '-rf',
    '~',
    '*',
  ].map(name => file(name)),
  'names that are not UTF-8, or not normal': [
    Buffer.from([0xff]),
    Buffer.from([0xfe]),
    Buffer.from([0xc3]),
    Buffer.from([0xed, 0xa0, 0x80]),
    Buffer.from('é'),
    Buffer.from('é'),
  ].map(name => file(name)),
  'directories whose names are not UTF-8': [
    directory('d'),
    file(Buffer.concat([Buffer.from('d/'), Buffer.from([0xff]), Buffer.from('/f')])),
  ],
  'names that differ by case only': ['f', 'F', 'ß', 'ẞ', 'ı', 'i', 'I', 'İ'].map(name =>
    file(name),
  ),
  'names of dots': [file('...'), file('..a'), file('.a'), file('d/...')],
  'a name in many ways': [file('./a'), file('.//./b'), file('c//d'), directory('e///')],
  'the longest path there is': [pax({ path: `${deep(1950)}/f` }), file('f')],
  'a thousand directories deep': [directory(deep(45)), pax({ path: `${deep(1000)}/f` }), file('f')],
  'one name a hundred times': Array.from({ length: 100 }, (_, i) => file('f', `${i}`)),
  'one directory a hundred times': Array.from({ length: 100 }, (_, i) =>
    directory('d', 0o700 + (i & 0o77)),
  ),
  'a file, then a symlink of its name, then a file': [
    file('t', 'target'),
    file('n', 'first'),
    symlink('n', 't'),
    file('n', 'last'),
  ],
  'a hard link to a symlink, then a file of its name': [
    file('f'),
    symlink('s', 'f'),
    link('h', 's'),
    file('h', 'inside'),
  ],
  'a chain of hard links': [file('a'), link('b', 'a'), link('c', 'b'), link('d', 'c')],
  'a hard link to itself': [file('a'), link('a', 'a')],
  'symlinks that lead nowhere': [
    symlink('absolute', '/nowhere'),
    symlink('out', '../../../nowhere'),
    symlink('self', 'self'),
    symlink('odd', '\n\x7f'),
  ],
  'set-user-id, set-group-id, sticky and open to all': [
    { ...file('f'), mode: 0o7777 },
    { ...file('g'), mode: 0o4755 },
    { ...file('w'), mode: 0o666 },
    directory('d', 0o7777),
    directory('e', 0o1777),
  ],
  'no permissions at all': [
    directory('d', 0o000),
    { ...file('d/f'), mode: 0o000 },
    directory('d/e', 0o000),
    { ...file('d/e/f'), mode: 0o000 },
  ],
  'times before 1970, and far away': [
    { ...file('old'), rawMtime: Buffer.alloc(12, 0xff) },
    pax({ mtime: '-1000000000.5' }),
    file('older'),
    pax({ mtime: '4102444800' }),
    file('late'),
    { ...directory('d'), rawMtime: Buffer.alloc(12, 0xff) },
    { ...symlink('s', 'x'), rawMtime: Buffer.alloc(12, 0xff) },
  ],
  'a size where there is no content': [
    file('a'),
    { ...link('h', 'a'), size: 700 },
    { name: 'last', content: 'x' },
  ],
  'pax records of no use': [
    pax({ comment: 'x'.repeat(5000), 'SCHILY.xattr.user.x': 'y' }),
    file('f'),
  ],
  'a volume label': [member({ name: 'label', type: 'V' }), file('f')],
  'nothing at all': [],
};

/**
 * Unpacked otherwise than GNU tar does, on purpose: packages are laid over each other, and a lib64
 * -> lib of one must not be torn down by the lib64/ of another.
 */
const different: Record<string, readonly [Blocks, readonly string[]]> = {
  'a directory over a symlink to a directory merges into it': [
    [directory('lib'), symlink('lib64', 'lib'), directory('lib64'), file('lib64/f')],
    ['lib', 'lib/f', 'lib64'],
  ],
  // GNU tar puts off symlinks that lead out, and then forgets that something came later.
  'a symlink out, then a file of its name: the later one counts': [
    [symlink('n', '../outside'), file('n', 'inside')],
    ['n'],
  ],
  // GNU tar takes an empty record for an empty name; POSIX says that it takes back what was said
  // before.
  'a pax record that is taken back': [
    [pax({ path: 'g' }, 'g'), pax({ path: '' }), file('f')],
    ['f'],
  ],
};

const archives = suite('hostile archives, unpacked');

for (const [name, blocks] of Object.entries(unpacked)) {
  archives(`as GNU tar: ${name}`, () => {
    const bytes = archive(...blocks);
    const ours = extract(bytes);
    const theirs = asGnuTar(bytes);
    assert.ok(theirs, 'GNU tar complains');
    assert.equal(comparable(ours), comparable(theirs!));
  });
}

for (const [name, [blocks, paths]] of Object.entries(different)) {
  archives(`on purpose: ${name}`, () => {
    const seen = listing(extract(archive(...blocks))).map(line => JSON.parse(line)[4]);
    assert.equal(seen, paths);
  });
}

archives('cut at every block: refused, but between members, where a tar may end', () => {
  const whole = archive(
    ...unpacked['set-user-id, set-group-id, sticky and open to all']!,
    ...unpacked['times before 1970, and far away']!,
    gnuLong('L', `${deep(80)}/f`),
    file('f', 'x'.repeat(3000)),
  );
  const pathsOf = (tree: string) => listing(tree).map(line => JSON.parse(line)[4] as string);
  const all = new Set(pathsOf(extract(whole)));
  let refused = 0;
  for (let end = 0; end < whole.length; end += 512) {
    let tree: string;
    try {
      tree = extract(whole.subarray(0, end));
    } catch (error) {
      assert.is((error as PythonMpiError).code, 'CORRUPT_PACKAGE');
      refused++;
      continue;
    }
    for (const path of pathsOf(tree)) assert.ok(all.has(path), path);
  }
  // Each member is a header and, but for the last, nothing behind it: a cut there is no error.
  assert.ok(refused >= 8, `${refused} refused`);
});

archives.run();
