/**
 * Archives as the tars of others write them, unpacked and compared with what went in: sparse files,
 * attributes, ends.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PythonMpiError } from '../../src/errors.ts';
import { extract } from '../support/hostile-archive.ts';
import { scratch } from '../support/scratch.ts';
import { archive, checksummed, member, pax } from '../support/tar-builder.ts';

const MB = 1 << 20;
const CHUNK = 64 << 10;

/**
 * A tree with files that have holes: in front, behind, all over, more than a header can say, and
 * nothing but one; and with names that take a pax header.
 */
function sparseTree(): string {
  const root = path.join(scratch(), 'tree');
  fs.mkdirSync(root);
  const file = (name: string, size: number, ...chunks: number[]) => {
    const fd = fs.openSync(path.join(root, name), 'w');
    for (const at of chunks) fs.writeSync(fd, Buffer.alloc(CHUNK, `${at} `), 0, CHUNK, at);
    fs.ftruncateSync(fd, size);
    fs.closeSync(fd);
  };
  file('front', MB, MB - CHUNK);
  file('behind', MB + 100, 0);
  file('both', 2 * MB + 7, MB);
  file('n'.repeat(180), 40 * 2 * CHUNK, ...Array.from({ length: 40 }, (_, i) => i * 2 * CHUNK));
  file('only', MB);
  file('last', CHUNK, 0);
  fs.writeFileSync(path.join(root, 'after'), 'plain');
  return root;
}

const writers: Record<string, readonly string[]> = {
  'GNU tar -S, old GNU': ['tar', '--format=gnu', '-S'],
  'GNU tar -S, pax 0.0': ['tar', '--format=pax', '--sparse-version=0.0', '-S'],
  'GNU tar -S, pax 0.1': ['tar', '--format=pax', '--sparse-version=0.1', '-S'],
  'GNU tar -S, pax 1.0': ['tar', '--format=pax', '--sparse-version=1.0', '-S'],
  'bsdtar, pax': ['bsdtar', '--format=pax'],
  'bsdtar, as it comes': ['bsdtar'],
  'bsdtar, ustar': ['bsdtar', '--format=ustar', '--exclude', 'nnn*'],
  busybox: ['busybox', 'tar'],
};

const others = suite('tars of others');

for (const [name, [program, ...options]] of Object.entries(writers)) {
  others(`${name}: a tree with holes comes out as it went in, and as sparse`, () => {
    const tree = sparseTree();
    const file = path.join(scratch(), 'x.tar');
    execFileSync(program!, [...options, '-cf', file, '-C', tree, '.']);
    const bytes = fs.readFileSync(file);
    const there = extract(bytes);
    if (options.includes('--exclude')) fs.rmSync(path.join(tree, 'n'.repeat(180)));
    assert.is(execFileSync('diff', ['-r', tree, there], { encoding: 'utf8' }), '');
    const keepsHoles = bytes.length < 5 * MB && !options.includes('--exclude');
    if (keepsHoles) assert.is(fs.statSync(path.join(there, 'only')).blocks, 0);
  });
}

others("Python's tarfile: files, links and times before 1970, in each of its formats", () => {
  const tree = path.join(scratch(), 'tree');
  fs.mkdirSync(path.join(tree, 'd'.repeat(90)), { recursive: true });
  const old = path.join(tree, 'd'.repeat(90), 'old');
  fs.writeFileSync(old, 'old');
  fs.utimesSync(old, new Date(-86_400_000), new Date(-86_400_000));
  fs.symlinkSync('old', path.join(tree, 'd'.repeat(90), 'link'));
  for (const format of ['GNU', 'PAX']) {
    const file = path.join(scratch(), 'x.tar');
    const code = `import sys, tarfile
with tarfile.open(sys.argv[1], "w", format=tarfile.${format}_FORMAT) as tar: tar.add(sys.argv[2], ".")`;
    execFileSync('python3', ['-c', code, file, tree]);
    const there = extract(fs.readFileSync(file));
    assert.is(execFileSync('diff', ['-r', tree, there], { encoding: 'utf8' }), '');
    const made = fs.statSync(path.join(there, 'd'.repeat(90), 'old')).mtime.getTime();
    assert.is(Math.floor(made / 1000), -86_400, format);
  }
});

others('attributes and access control lists are passed over, whatever is in them', () => {
  const records = {
    'SCHILY.xattr.user.note': Buffer.from('a\nb=c\0\xff', 'latin1'),
    'SCHILY.acl.access': 'user::rw-,user:jo:r--,group::r--,mask::r--,other::r--',
    'LIBARCHIVE.xattr.com.apple.quarantine': 'MDA4MQ',
    'LIBARCHIVE.creationtime': '1700000000.123',
    'RHT.security.selinux': 'unconfined_u:object_r:user_home_t:s0',
    'MSWINDOWS.rawsd': 'AQAU',
  };
  const there = extract(archive(pax(records, 'g'), pax(records), { name: 'f', content: 'x' }));
  assert.is(fs.readFileSync(path.join(there, 'f'), 'utf8'), 'x');
});

others('an archive may end in one block of zeros, in a part of one, or in none', () => {
  const members = archive({ name: 'a', content: 'x' }, { name: 'b', content: 'y' });
  for (const zeros of [0, 1, 511, 512, 1000, 1024, 10_240]) {
    const bytes = Buffer.concat([members.subarray(0, -1024), Buffer.alloc(zeros)]);
    assert.equal(fs.readdirSync(extract(bytes)).sort(), ['a', 'b'], `${zeros}`);
  }
});

function refused(code: string, message: RegExp, ...blocks: Parameters<typeof archive>): void {
  assert.throws(
    () => extract(archive(...blocks)),
    (error: PythonMpiError) => {
      assert.is(error.code, code, error.toLine());
      assert.match(error.toLine(), message);
      return true;
    },
  );
}

others('what is not read is refused with the remedy, and not as corrupt', () => {
  const not = (message: RegExp, ...blocks: Parameters<typeof archive>) =>
    refused('UNSUPPORTED_PACKAGE', message, ...blocks);
  not(/another volume; repack all volumes/, { name: 'f', type: 'M' });
  not(/incremental dump; repack without/, { name: 'd', type: 'D' });
  not(/unknown type \(X\); repack with/, { name: 'f', type: 'X' });
  not(/form of Solaris or star; repack/, pax({ 'SUN.holesdata': ' 0 512 ' }), { name: 'f' });
  not(/form of Solaris or star; repack/, { name: 'f', type: 'S' });
  not(/format 2; repack without -S/, pax({ 'GNU.sparse.major': '2', 'GNU.sparse.realsize': '9' }), {
    name: 'f',
  });
});

others('a sparse map that does not fit is refused as corrupt, and nothing is made of it', () => {
  const map = (map: string, size: string) =>
    refused('CORRUPT_PACKAGE', /sparse/, pax({ 'GNU.sparse.map': map, 'GNU.sparse.size': size }), {
      name: 'f',
      content: 'xy',
    });
  map('0,1', '9'); // Less than is stored.
  map('0,3', '9'); // More.
  map('8,2', '9'); // Beyond the end.
  map('4,1,0,1', '9'); // Backwards.
  map('0,2,1,0', '9'); // Within another.
  map('0', '9');
  const blocks = (content: string) =>
    refused(
      'CORRUPT_PACKAGE',
      /sparse|malformed/,
      pax({ 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': '9' }),
      { name: 'f', content },
    );
  blocks('');
  blocks('1\n0\n');
  blocks('x\n'.padEnd(512, '\0'));
  blocks('9'.repeat(512));
  blocks('2\n0\n1\n'.padEnd(512, '\0'));
  const old = member({ name: 'f', type: 'S', magic: 'ustar ', content: 'xy' });
  old.write('00000000000\0'.repeat(2), 386, 'latin1');
  refused('CORRUPT_PACKAGE', /sparse/, checksummed(old));
});

others.run();
