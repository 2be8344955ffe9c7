/**
 * Archives that no honest tool would write. Each gives one declared error, or the tree that GNU tar makes of it; none
 * touches what lies around the prefix.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ErrorCode, PythonMpiError } from '../../src/errors.ts';
import { Extractor } from '../../src/stage/unpack/extract.ts';
import { TarReader } from '../../src/tar/read.ts';
import { listing, scratch } from '../support/scratch.ts';
import {
  archive,
  checksummed,
  gnuLong,
  member,
  pax,
  type TestMember,
} from '../support/tar-builder.ts';

type Blocks = (TestMember | Buffer)[];

/** Unpacks beside something that could be harmed. Returns the tree. */
function extract(bytes: Buffer): string {
  const around = scratch();
  const tree = path.join(around, 'tree');
  fs.mkdirSync(tree, 0o700);
  fs.writeFileSync(path.join(around, 'outside'), 'untouched');
  const before = listing(around).filter(line => !/"tree"/.test(line));
  const extractor = new Extractor(tree, process.umask());
  try {
    const reader = new TarReader(extractor);
    reader.push(bytes);
    reader.end();
    extractor.finish();
  } finally {
    extractor.close();
    assert.equal(
      listing(around).filter(line => !/"tree["/]/.test(line)),
      before,
    );
    assert.not(fs.existsSync('/hostile-harm'));
  }
  return tree;
}

/** What GNU tar makes of it, or undefined when it complains. Only for archives that were found harmless. */
function asGnuTar(bytes: Buffer): string | undefined {
  const tree = path.join(scratch(), 'tree');
  fs.mkdirSync(tree, 0o700);
  const options = ['--no-same-owner', '--no-same-permissions', '-C', tree, '-xf', '-'];
  const { status } = spawnSync('tar', options, { input: bytes });
  return status === 0 ? tree : undefined;
}

/** Kind, permissions that survive, time in seconds, size, path, target and link of everything in a tree. */
function comparable(tree: string): string[] {
  return listing(tree).map(line => {
    const [kind, mode, time, ...rest] = JSON.parse(line);
    const safe = (Number.parseInt(mode, 8) & 0o755).toString(8);
    // A directory that no member names has the time at which it was made.
    const seconds = kind === '40000' && time > 1.5e12 ? 'now' : Math.floor(time / 1000);
    return JSON.stringify([kind, safe, seconds, ...rest]);
  });
}

const raw = (fields: TestMember, change: (header: Buffer) => void): Buffer => {
  const block = member(fields);
  change(block);
  checksummed(block);
  return block;
};
const base256 = (at: number, hex: string) => (header: Buffer) =>
  void Buffer.from(hex, 'hex').copy(header, at);
const deep = (depth: number) => Array.from({ length: depth }, () => 'd').join('/');
const file = (name: string | Buffer, content = 'x'): TestMember => ({ name, content });
const symlink = (name: string, target: string): TestMember => ({ name, type: '2', target });
const link = (name: string, target: string): TestMember => ({ name, type: '1', target });
const directory = (name: string, mode = 0o755): TestMember => ({ name, type: '5', mode });

/** Refused, each with this code. */
const refused: Record<string, readonly [ErrorCode, Blocks]> = {
  'name: only ..': ['UNSAFE_PACKAGE', [directory('..')]],
  'name: .. behind a directory that exists': [
    'UNSAFE_PACKAGE',
    [directory('d'), file('d/../../outside')],
  ],
  'name: .. that stays inside': ['UNSAFE_PACKAGE', [directory('d'), file('d/../f')]],
  'name: absolute': ['UNSAFE_PACKAGE', [file('/hostile-harm')]],
  'name: absolute with two slashes': ['UNSAFE_PACKAGE', [file('//hostile-harm')]],
  'name: absolute in the prefix field': [
    'UNSAFE_PACKAGE',
    [{ ...file('hostile-harm'), prefix: '/' }],
  ],
  'name: absolute in a long name': ['UNSAFE_PACKAGE', [gnuLong('L', '/hostile-harm'), file('f')]],
  'name: absolute in a pax record': ['UNSAFE_PACKAGE', [pax({ path: '/hostile-harm' }), file('f')]],
  'name: .. in a global pax record': [
    'UNSAFE_PACKAGE',
    [pax({ path: '../outside' }, 'g'), file('f')],
  ],
  'name: the last of two pax records counts': [
    'UNSAFE_PACKAGE',
    [pax({ path: 'f' }), pax({ path: '../outside' }), file('f')],
  ],
  'name: pax wins over a long name': [
    'UNSAFE_PACKAGE',
    [pax({ path: '../outside' }), gnuLong('L', 'harmless'), file('f')],
  ],
  'name: NUL in a pax record': ['UNSAFE_PACKAGE', [pax({ path: 'f\0/../../outside' }), file('f')]],
  'name: longer than a path can be': [
    'CORRUPT_PACKAGE',
    [pax({ path: `${'d/'.repeat(2100)}f` }), file('f')],
  ],
  'name: half a million components': [
    'CORRUPT_PACKAGE',
    [pax({ path: `${'d/'.repeat(500_000)}f` }), file('f')],
  ],
  'name: longer than a name can be': ['SYSTEM', [pax({ path: 'n'.repeat(300) }), file('f')]],
  'name: none': ['CORRUPT_PACKAGE', [file('')]],
  'symlink: out, then through it': [
    'UNSAFE_PACKAGE',
    [symlink('s', '..'), file('s/outside', 'harm')],
  ],
  'symlink: absolute, then through it': [
    'UNSAFE_PACKAGE',
    [symlink('s', '/'), file('s/hostile-harm')],
  ],
  'symlink: out by two steps': [
    'UNSAFE_PACKAGE',
    [directory('a'), symlink('a/b', '..'), symlink('c', 'a/b/..'), file('c/outside', 'harm')],
  ],
  'symlink: a directory becomes one': [
    'CORRUPT_PACKAGE',
    [directory('d'), symlink('d', '..'), file('d/outside', 'harm')],
  ],
  'symlink: a file becomes one, then a directory': [
    'UNSAFE_PACKAGE',
    [file('s'), symlink('s', '..'), file('s/outside', 'harm')],
  ],
  'symlink: to itself, then through it': ['UNSAFE_PACKAGE', [symlink('s', 's'), file('s/f')]],
  'symlink: round in circles': [
    'UNSAFE_PACKAGE',
    [symlink('a', 'b'), symlink('b', 'a'), file('a/f')],
  ],
  'symlink: one that doubles at every step': [
    'UNSAFE_PACKAGE',
    [
      directory('d'),
      ...Array.from({ length: 60 }, (_, i) => symlink(`l${i + 1}`, `l${i}/l${i}`)),
      symlink('l0', 'd/..'),
      file('l60/f'),
    ],
  ],
  'symlink: without a target': ['CORRUPT_PACKAGE', [symlink('s', '')]],
  'symlink: to more than a path can be': [
    'CORRUPT_PACKAGE',
    [pax({ linkpath: 't'.repeat(4096) }), symlink('s', 't')],
  ],
  'symlink: a directory through one that leads out': [
    'UNSAFE_PACKAGE',
    [symlink('s', '../..'), directory('s/d')],
  ],
  'symlink: a symlink through one that leads out': [
    'UNSAFE_PACKAGE',
    [symlink('s', '..'), symlink('s/t', 'x')],
  ],
  'hard link: out': ['UNSAFE_PACKAGE', [link('h', '../outside'), file('h', 'harm')]],
  'hard link: absolute': ['UNSAFE_PACKAGE', [link('h', '/etc/passwd')]],
  'hard link: absolute in a pax record': [
    'UNSAFE_PACKAGE',
    [pax({ linkpath: '/etc/passwd' }), link('h', 'f')],
  ],
  'hard link: through a symlink out': [
    'UNSAFE_PACKAGE',
    [symlink('s', '..'), link('h', 's/outside')],
  ],
  'hard link: to what is not there': ['CORRUPT_PACKAGE', [link('h', 'f')]],
  'hard link: to a directory': ['CORRUPT_PACKAGE', [directory('d'), link('h', 'd')]],
  'hard link: to the top': ['CORRUPT_PACKAGE', [link('h', '.')]],
  'hard link: named through a symlink out': [
    'UNSAFE_PACKAGE',
    [file('f'), symlink('s', '..'), link('s/h', 'f')],
  ],
  'a character device': ['UNSAFE_PACKAGE', [{ name: 'null', type: '3' }]],
  'a block device': ['UNSAFE_PACKAGE', [{ name: 'disk', type: '4' }]],
  'a fifo': ['UNSAFE_PACKAGE', [{ name: 'fifo', type: '6' }]],
  'a device with a pax path': ['UNSAFE_PACKAGE', [pax({ path: 'f' }), { name: 'n', type: '3' }]],
  'a type that nobody knows': ['CORRUPT_PACKAGE', [{ name: 'f', type: '?' }]],
  'sparse, as old GNU tar': ['CORRUPT_PACKAGE', [{ name: 'f', type: 'S' }]],
  'sparse, as pax 0.0': ['CORRUPT_PACKAGE', [pax({ 'GNU.sparse.size': '1' }), file('f')]],
  'sparse, as pax 0.1, an exabyte': [
    'CORRUPT_PACKAGE',
    [pax({ 'GNU.sparse.map': '0,1', 'GNU.sparse.realsize': String(2n ** 60n) }), file('f')],
  ],
  'sparse, as pax 1.0, by name': [
    'CORRUPT_PACKAGE',
    [pax({ 'GNU.sparse.name': '../outside', 'GNU.sparse.major': '1' }), file('f')],
  ],
  'sparse, in a global pax record': [
    'CORRUPT_PACKAGE',
    [pax({ 'GNU.sparse.major': '1' }, 'g'), file('f')],
  ],
  'size: eight exabytes': [
    'CORRUPT_PACKAGE',
    [raw(file('f'), base256(124, '800000007fffffffffffffff'))],
  ],
  'size: 2^95': ['CORRUPT_PACKAGE', [raw(file('f'), base256(124, 'bfffffffffffffffffffffff'))]],
  'size: as large as numbers are exact': [
    'CORRUPT_PACKAGE',
    [pax({ size: String(Number.MAX_SAFE_INTEGER) }), file('f')],
  ],
  'size: a terabyte, of which there is nothing': [
    'CORRUPT_PACKAGE',
    [pax({ size: String(2 ** 40) }), file('f', '')],
  ],
  'size: negative': ['CORRUPT_PACKAGE', [raw(file('f'), base256(124, 'ff'.repeat(12)))]],
  'size: a fraction': ['CORRUPT_PACKAGE', [pax({ size: '1.5' }), file('f')]],
  'size: a thousand digits': ['CORRUPT_PACKAGE', [pax({ size: '9'.repeat(1000) }), file('f')]],
  'time: a thousand digits': ['CORRUPT_PACKAGE', [pax({ mtime: '9'.repeat(1000) }), file('f')]],
  'time: 2^80': ['CORRUPT_PACKAGE', [raw(file('f'), base256(136, '800100000000000000000000'))]],
  'pax: a record longer than its header': [
    'CORRUPT_PACKAGE',
    [member({ name: 'p', type: 'x', content: '99 path=f\n' }), file('f')],
  ],
  'pax: a record of no bytes': [
    'CORRUPT_PACKAGE',
    [member({ name: 'p', type: 'x', content: '0 path=f\n' }), file('f')],
  ],
  'pax: a header of a gigabyte': [
    'CORRUPT_PACKAGE',
    [member({ name: 'p', type: 'x', size: 2 ** 30 }), file('f')],
  ],
  'a long name of a gigabyte': [
    'CORRUPT_PACKAGE',
    [member({ name: 'p', type: 'L', size: 2 ** 30 }), file('f')],
  ],
  'a volume label that hides a member': [
    'CORRUPT_PACKAGE',
    [member({ name: 'label', type: 'V', content: member(file('hidden')) }), file('f')],
  ],
  'a file, then a directory of its name': ['CORRUPT_PACKAGE', [file('n'), directory('n')]],
  'a directory, then a file of its name': ['CORRUPT_PACKAGE', [directory('n'), file('n')]],
  'a file, then one below it': ['CORRUPT_PACKAGE', [file('n'), file('n/f')]],
  'a header whose checksum is wrong': ['CORRUPT_PACKAGE', [file('f'), Buffer.alloc(512, 1)]],
};

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
 * Unpacked otherwise than GNU tar does, on purpose: packages are laid over each other, and a lib64 -> lib of one must not
 * be torn down by the lib64/ of another.
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
  // GNU tar takes an empty record for an empty name; POSIX says that it takes back what was said before.
  'a pax record that is taken back': [
    [pax({ path: 'g' }, 'g'), pax({ path: '' }), file('f')],
    ['f'],
  ],
};

const archives = suite('hostile archives');

for (const [name, [code, blocks]] of Object.entries(refused)) {
  archives(`refused: ${name}`, () => {
    assert.throws(
      () => extract(archive(...blocks)),
      (error: PythonMpiError) => {
        assert.is(error.code, code, `${error}`);
        assert.match(error.toLine(), /^[^\x00-\x1f\x7f-\x9f]{1,600}$/);
        return true;
      },
    );
  });
}

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

archives('cut at every block: refused, and nothing else happens', () => {
  const whole = archive(
    ...unpacked['set-user-id, set-group-id, sticky and open to all']!,
    ...unpacked['times before 1970, and far away']!,
    gnuLong('L', `${deep(80)}/f`),
    file('f', 'x'.repeat(3000)),
  );
  for (let end = 0; end < whole.length; end += 512) {
    assert.throws(
      () => extract(whole.subarray(0, end)),
      (error: PythonMpiError) => error.code === 'CORRUPT_PACKAGE',
    );
  }
});

archives.run();
