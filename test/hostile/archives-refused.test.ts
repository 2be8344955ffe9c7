/**
 * Archives that no honest tool would write, each refused with one declared error. None touches what
 * lies around the prefix.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ErrorCode, PythonMpiError } from '../../src/errors.ts';
import {
  type Blocks,
  base256,
  directory,
  extract,
  file,
  link,
  raw,
  symlink,
} from '../support/hostile-archive.ts';
import { archive, gnuLong, member, pax } from '../support/tar-builder.ts';

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
  'a type that does not exist': ['CORRUPT_PACKAGE', [{ name: 'f', type: '?' }]],
  'sparse, as star': ['UNSUPPORTED_PACKAGE', [{ name: 'f', type: 'S' }]],
  'sparse, as old GNU tar, a map without end': [
    'CORRUPT_PACKAGE',
    [
      raw({ name: 'f', type: 'S', magic: 'ustar ', size: 1 }, header => {
        header[482] = 1;
      }),
      Buffer.alloc(512 * 1000, 1),
    ],
  ],
  'sparse, by name': [
    'UNSAFE_PACKAGE',
    [
      pax({ 'GNU.sparse.name': '../outside', 'GNU.sparse.size': '1', 'GNU.sparse.map': '0,1' }),
      file('f'),
    ],
  ],
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

const archives = suite('hostile archives, refused');

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

archives.run();
