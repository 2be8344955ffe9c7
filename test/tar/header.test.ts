import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BLOCK } from '../../src/tar/block.ts';
import { END, padding, tarHeader, type WritableMember } from '../../src/tar/header.ts';
import { type Member, TarReader } from '../../src/tar/read.ts';
import { scratch } from '../support/scratch.ts';

const PYTHON = '/usr/bin/python3';

const FILE = { type: 'file', name: 'a', target: '', mode: 0o644, size: 0, mtime: 0 } as const;

/** What the reader makes of headers, each with as much content as it announces, of zeros. */
function reread(members: readonly WritableMember[]): Member[] {
  const read: Member[] = [];
  const reader = new TarReader({
    member: member => read.push(member),
    content: () => {},
    memberEnd: () => {},
  });
  for (const member of members) {
    reader.push(tarHeader(member));
    reader.push(Buffer.alloc(member.size));
    reader.push(padding(member.size));
  }
  reader.push(END);
  reader.end();
  return read;
}

const binary = (text: string) => Buffer.from(text).toString('latin1');
const long = `${'directory/'.repeat(9)}${'n'.repeat(100)}`;

const MEMBERS: readonly WritableMember[] = [
  { ...FILE, name: 'plain', size: 1, mode: 0o755 },
  { ...FILE, type: 'directory', name: 'd/', mode: 0o700 },
  { ...FILE, type: 'symlink', name: 's', target: '../plain', mode: 0o777 },
  // What fits exactly, and what just does not.
  ...[99, 100, 101, 155, 156, 255, 256, 980, 1000, 1004].map(length => ({
    ...FILE,
    name: 'n'.repeat(length),
  })),
  { ...FILE, name: long },
  { ...FILE, name: `${'a/'.repeat(600)}b`, size: 513 },
  { ...FILE, type: 'symlink', name: 'to-long', target: long },
  { ...FILE, name: binary('größe') },
  { ...FILE, name: 'not UTF-8: \xff\xfe' },
  { ...FILE, name: `not UTF-8, and long: ${'\xff'.repeat(300)}` },
  { ...FILE, type: 'symlink', name: '\xe4', target: `\xf6\n${'\x80'.repeat(101)}` },
  { ...FILE, name: 'line\nbreak = 7\n' },
  { ...FILE, name: '9 path=other\n\xff' },
  ...[1.5, 1764268199.123457, 0.000001, -0.25, -1, -86400, 2 ** 33, 8_640_000_000].map(mtime => ({
    ...FILE,
    mtime,
  })),
];

const writing = suite('tar headers, written');

writing('the reader reads back what was written', () => {
  assert.equal(reread(MEMBERS), MEMBERS);
});

writing('a size that ustar cannot hold is read back', () => {
  for (const size of [8 * 2 ** 30 - 1, 8 * 2 ** 30, Number.MAX_SAFE_INTEGER]) {
    let read = Number.NaN;
    const reader = new TarReader({
      member: member => {
        read = member.size;
      },
      content: () => {},
      memberEnd: () => {},
    });
    reader.push(tarHeader({ ...FILE, size }));
    assert.is(read, size);
  }
});

writing('what ustar can say takes one block', () => {
  const long = `${'directory/'.repeat(9)}${'n'.repeat(90)}`;
  for (const member of [FILE, { ...FILE, mtime: 1764268199 }, { ...FILE, name: long }]) {
    assert.is(tarHeader(member).length, BLOCK);
  }
  assert.is(tarHeader({ ...FILE, mtime: 1.5 }).length, 3 * BLOCK);
});

writing("Python's tarfile and GNU tar agree on names, times and targets", () => {
  const directory = scratch();
  const file = join(directory, 'x.tar');
  fs.writeFileSync(
    file,
    Buffer.concat([
      ...MEMBERS.flatMap(member => [
        tarHeader(member),
        Buffer.alloc(member.size),
        padding(member.size),
      ]),
      END,
    ]),
  );
  const code = `import json, sys, tarfile
members = tarfile.open(sys.argv[1], encoding="latin1")
print(json.dumps([[m.name, m.linkname, m.mode, m.size, m.mtime, m.uid, m.uname] for m in members]))`;
  // Python strips the slash of a directory, and decodes pax records as UTF-8 where they are that.
  const seen = JSON.parse(execFileSync(PYTHON, ['-c', code, file], { encoding: 'utf8' }));
  const expected = MEMBERS.map(({ name, target, mode, size, mtime }) => [
    decoded(name).replace(/\/$/, ''),
    decoded(target),
    mode,
    size,
    mtime,
    0,
    '',
  ]);
  assert.equal(seen, expected);
  const listed = execFileSync('tar', ['-tf', file, '--quoting-style=escape'], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  });
  assert.is(listed.trimEnd().split('\n').length, MEMBERS.length);
  assert.match(listed, 'not UTF-8: \\377\\376');
});

/** A binary string as UTF-8 where it is that, else as it is. */
function decoded(name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(name, 'latin1'));
  } catch {
    return name;
  }
}

writing.run();
