import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PythonMpiError } from '../../src/errors.ts';
import { type Member, printable, TarReader } from '../../src/tar/read.ts';
import {
  archive,
  checksummed,
  gnuLong,
  member,
  pax,
  type TestMember,
} from '../support/tar-builder.ts';

interface Read extends Member {
  content: string;
}

/** Members of an archive that arrives in these pieces. */
function readPieces(pieces: Iterable<Buffer>): Read[] {
  const members: Read[] = [];
  let open = false;
  const reader = new TarReader({
    member: next => {
      assert.not(open);
      open = true;
      members.push({ ...next, content: '' });
    },
    content: bytes => {
      members.at(-1)!.content += Buffer.from(bytes).toString('latin1');
    },
    memberEnd: () => {
      open = false;
    },
  });
  for (const piece of pieces) reader.push(piece);
  reader.end();
  assert.not(open);
  return members;
}

const read = (bytes: Buffer) => readPieces([bytes]);

function refuses(bytes: Buffer, message: RegExp): void {
  assert.throws(
    () => read(bytes),
    (error: PythonMpiError) => error.code === 'CORRUPT_PACKAGE' && message.test(error.message),
  );
}

const long = `${'directory/'.repeat(20)}file`;
const newlines = `${'a\nb/'.repeat(40)}c\nd`;

const members: (TestMember | Buffer)[] = [
  { name: 'd/', type: '5', mode: 0o755 },
  { name: 'd/a', content: 'hello' },
  { name: 'd/full', content: 'x'.repeat(512) },
  { name: 'd/empty' },
  { name: 'd/s', type: '2', target: 'a' },
  { name: 'd/h', type: '1', target: 'd/a' },
  gnuLong('L', long),
  gnuLong('K', `${long}.target`),
  { name: 'short', type: '2', target: 'short' },
  pax({ path: newlines, mtime: '1234567890.5' }),
  { name: 'truncated', content: 'n' },
  { name: 'last', prefix: 'pre/fix', content: 'y'.repeat(700) },
];
const varied = archive(...members);

const format = suite('tar format');

format('reads every kind of member', () => {
  const members = read(varied);
  assert.equal(
    members.map(({ type, name, target, content }) => [type, name, target, content.length]),
    [
      ['directory', 'd/', '', 0],
      ['file', 'd/a', '', 5],
      ['file', 'd/full', '', 512],
      ['file', 'd/empty', '', 0],
      ['symlink', 'd/s', 'a', 0],
      ['link', 'd/h', 'd/a', 0],
      ['symlink', long, `${long}.target`, 0],
      ['file', newlines, '', 1],
      ['file', 'pre/fix/last', '', 700],
    ],
  );
  assert.is(members[7]!.mtime, 1234567890.5);
  assert.is(members[8]!.mtime, 1_000_000_000);
});

format('reads the same however the bytes are cut', () => {
  const whole = read(varied);
  for (let cut = 0; cut <= varied.length; cut++) {
    assert.equal(readPieces([varied.subarray(0, cut), varied.subarray(cut)]), whole);
  }
  const single = Array.from({ length: varied.length }, (_, at) => varied.subarray(at, at + 1));
  assert.equal(readPieces(single), whole);
});

format('refuses an archive cut at any block but where a member ends', () => {
  const ends = new Set<number>();
  let length = 0;
  for (const each of members) {
    length += Buffer.isBuffer(each) ? each.length : member(each).length;
    if (!Buffer.isBuffer(each)) ends.add(length);
  }
  for (let end = 0; end < varied.length; end += 512) {
    const cut = varied.subarray(0, end);
    if (ends.has(end) || end > length) read(cut);
    else refuses(cut, /ends too early/);
  }
});

format('accepts zeros after the end, and nothing else', () => {
  assert.is(read(Buffer.concat([varied, Buffer.alloc(9000)])).length, 9);
  refuses(Buffer.concat([varied, Buffer.from('x')]), /after the end/);
  refuses(Buffer.concat([varied, varied]), /after the end/);
  refuses(archive(Buffer.alloc(512), { name: 'a' }), /after the end/);
});

format('keeps names apart that are not valid UTF-8', () => {
  const names = [Buffer.from([0x66, 0xe9]), Buffer.from([0x66, 0xe8]), Buffer.from('fé')];
  const members = read(archive(...names.map(name => ({ name }))));
  assert.is(new Set(members.map(({ name }) => name)).size, 3);
  members.forEach(({ name }, i) => {
    assert.equal(Buffer.from(name, 'latin1'), names[i]);
  });
  assert.is(printable(members[2]!.name), 'fé');
});

format('applies global pax records until they are taken back', () => {
  const members = read(
    archive(
      pax({ mtime: '5' }, 'g'),
      { name: 'a' },
      pax({ mtime: '6' }),
      { name: 'b' },
      pax({ mtime: '' }),
      { name: 'c', mtime: 7 },
      { name: 'd' },
    ),
  );
  assert.equal(
    members.map(({ mtime }) => mtime),
    [5, 6, 7, 5],
  );
});

format('takes the size from a pax record', () => {
  const [first, second] = read(
    archive(pax({ size: '3' }), { name: 'a', content: 'abc', size: 0 }, { name: 'b' }),
  );
  assert.is(first!.content, 'abc');
  assert.is(second!.name, 'b');
});

format('reads base-256 numbers, negative ones too', () => {
  const before1970 = Buffer.alloc(12, 0xff);
  const farAway = Buffer.from('800000000000000200000000', 'hex');
  const [old, late] = read(
    archive({ name: 'a', rawMtime: before1970 }, { name: 'b', rawMtime: farAway }),
  );
  assert.is(old!.mtime, -1);
  assert.is(late!.mtime, 2 ** 33);
});

format('knows a directory of before ustar by its slash', () => {
  assert.is(read(archive({ name: 'd/', type: '\0', magic: '' }))[0]!.type, 'directory');
});

format('expects no content after what is not a file, whatever size it says', () => {
  const members = read(
    archive({ name: 'd', type: '5', size: 700 }, { name: 'l', type: '1', target: 'a', size: 700 }),
  );
  assert.equal(
    members.map(({ size }) => size),
    [0, 0],
  );
});

format('refuses what it cannot make sense of', () => {
  refuses(archive(pax({ 'GNU.sparse.major': '1' }), { name: 'hole' }), /sparse/);
  refuses(archive({ name: 'more', type: '?' }), /unknown type \(\?\)/);
});

format('refuses what is malformed', () => {
  const broken = member({ name: 'a' });
  broken[0]! ^= 1;
  refuses(archive(broken), /checksum/);
  const letters = member({ name: 'a' });
  letters.write('abc', 124, 'latin1');
  refuses(archive(checksummed(letters)), /malformed size/);
  const negative = member({ name: 'a' });
  negative.fill(0xff, 124, 136);
  refuses(archive(checksummed(negative)), /no size/);
  refuses(archive(pax({ size: '-1' }), { name: 'a' }), /no size/);
  refuses(archive(pax({ size: '0x10' }), { name: 'a' }), /malformed number/);
  refuses(archive(member({ name: 'g', type: 'L', size: 2 ** 21 })), /extended header/);
  for (const content of [
    '5 a=b\n',
    '7 a=b\n',
    'x a=b\n',
    '6 a=bc',
    '6 abc\n',
    '999999 a=b\n',
    '0 a=b\n',
  ]) {
    refuses(archive(member({ name: 'pax', type: 'x', content }), { name: 'a' }), /pax header/);
  }
});

format('ends with a declared error or success, whatever byte is changed', () => {
  const seed = varied.subarray(0, 3 * 512);
  for (let at = 0; at < seed.length; at++) {
    for (const value of [0x00, 0x2f, 0x37, 0xff]) {
      const changed = Buffer.from(varied);
      changed[at] = value;
      checksummed(changed);
      try {
        read(changed);
      } catch (error) {
        assert.is((error as PythonMpiError).code, 'CORRUPT_PACKAGE');
      }
    }
  }
});

format.run();

const peers = suite('tar of others');
let directory: string;

peers.before(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'tar-test-'));
  const tree = path.join(directory, 'tree');
  const deep = path.join(tree, 'sub'.repeat(30), 'dir'.repeat(40));
  fs.mkdirSync(deep, { recursive: true });
  for (const name of ['plain', 'ümläut', 'with\nnewline', 'n'.repeat(200), 'é'.repeat(120)]) {
    fs.writeFileSync(path.join(deep, name), name);
  }
  fs.symlinkSync('t'.repeat(150), path.join(deep, 'symlink'));
  fs.linkSync(path.join(deep, 'plain'), path.join(deep, 'zlink'));
});

peers.after(() => fs.rmSync(directory, { recursive: true }));

/** Names, targets and contents, without a directory's trailing slash, in one order. */
function summary(file: string): string[] {
  return read(fs.readFileSync(file))
    .map(({ type, name, target, content }) =>
      JSON.stringify([type, name.replace(/\/$/, ''), target, content]),
    )
    .sort();
}

peers('GNU tar and tarfile in GNU and pax format say the same', () => {
  const gnu = (flavour: string) => {
    const file = path.join(directory, `${flavour}.tar`);
    execFileSync('tar', [
      '-C',
      directory,
      `--format=${flavour}`,
      '--sort=name',
      '-cf',
      file,
      'tree',
    ]);
    return summary(file);
  };
  const python = (flavour: string) => {
    const file = path.join(directory, `python-${flavour}.tar`);
    const code = `import sys, tarfile
with tarfile.open(sys.argv[1], "w", format=tarfile.${flavour}_FORMAT) as tar: tar.add("tree")`;
    execFileSync('python3', ['-c', code, file], { cwd: directory });
    return summary(file);
  };
  const expected = gnu('gnu');
  assert.is(expected.length, 10);
  assert.equal(gnu('pax'), expected);
  // Which of two links to a file is the file depends on the order in which a tool finds them.
  const files = (lines: string[]) => lines.filter(line => !/plain|zlink/.test(line));
  assert.equal(files(python('GNU')), files(expected));
  assert.equal(files(python('PAX')), files(expected));
});

peers.run();
