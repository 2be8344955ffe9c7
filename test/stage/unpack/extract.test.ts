import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PythonMpiError } from '../../../src/errors.ts';
import { removeTree } from '../../../src/stage/remove.ts';
import { Extractor } from '../../../src/stage/unpack/extract.ts';
import { TarReader } from '../../../src/tar/read.ts';
import { asOrdinaryUser, listing, scratch } from '../../support/scratch.ts';
import { archive, gnuLong, pax, type TestMember } from '../../support/tar-builder.ts';

/** Unpacks archives into a directory `tree`, beside which there is something to harm. */
function extract(...archives: Buffer[]): string {
  const around = scratch();
  fs.writeFileSync(path.join(around, 'outside'), 'untouched');
  const directory = path.join(around, 'tree');
  fs.mkdirSync(directory, 0o700);
  const extractor = new Extractor(directory, process.umask());
  try {
    for (const bytes of archives) {
      const reader = new TarReader(extractor);
      reader.push(bytes);
      reader.end();
    }
    extractor.finish();
  } finally {
    extractor.close();
    assert.equal(fs.readdirSync(around).sort(), ['outside', 'tree']);
    assert.is(fs.readFileSync(path.join(around, 'outside'), 'utf8'), 'untouched');
  }
  return directory;
}

const attributes = suite('attributes');

attributes('permissions and times survive, of read-only directories too', () => {
  const tree = extract(
    archive(
      { name: 'd/', type: '5', mode: 0o555, mtime: 100 },
      { name: 'd/e', type: '5', mode: 0o500, mtime: 200 },
      { name: 'd/e/f', mode: 0o400, mtime: 300, content: 'x' },
      { name: 'd/e/s', type: '2', target: 'f', mtime: 400 },
      { name: 'd/g', mode: 0o7777 },
    ),
  );
  const seen = ['d', 'd/e', 'd/e/f', 'd/e/s', 'd/g'].map(name => {
    const { mode, mtimeMs } = fs.lstatSync(path.join(tree, name));
    return [(mode & 0o7777).toString(8), mtimeMs / 1000];
  });
  assert.equal(seen, [
    ['555', 100],
    ['500', 200],
    ['400', 300],
    ['777', 400],
    ['755', 1_000_000_000],
  ]);
});

attributes('do not depend on the umask', () => {
  const old = process.umask(0o077);
  try {
    const tree = extract(
      archive({ name: 'd', type: '5', mode: 0o755 }, { name: 'd/f', mode: 0o755 }),
    );
    assert.is(fs.statSync(path.join(tree, 'd/f')).mode & 0o777, 0o755);
    assert.is(fs.statSync(path.join(tree, 'd')).mode & 0o777, 0o755);
  } finally {
    process.umask(old);
  }
});

attributes('of the top directory are not for a package to say', () => {
  const tree = extract(archive({ name: './', type: '5', mode: 0o777 }, { name: './f' }));
  assert.is(fs.statSync(tree).mode & 0o777, 0o700);
});

attributes('names are exactly the bytes of the archive', () => {
  const names = [Buffer.from([0x66, 0xe9]), Buffer.from([0x66, 0xe8]), Buffer.from('new\nline')];
  const tree = extract(archive(...names.map(name => ({ name, content: name }))));
  const found = fs.readdirSync(tree, { encoding: 'buffer' });
  assert.equal(found.sort(Buffer.compare), names.toSorted(Buffer.compare));
});

attributes.run();

const overriding = suite('overriding on disk');

overriding('a later package replaces files without touching what they were linked to', () => {
  const tree = extract(
    archive(
      { name: 'a', content: 'old' },
      { name: 'b', type: '1', target: 'a' },
      { name: 's', type: '2', target: '../outside' },
      { name: 'ro/', type: '5', mode: 0o555 },
    ),
    archive(
      { name: 'b', content: 'new' },
      { name: 's', content: 'inside' },
      { name: 'ro/more', content: 'more' },
    ),
  );
  const content = (name: string) => fs.readFileSync(path.join(tree, name), 'utf8');
  assert.equal(['a', 'b', 's', 'ro/more'].map(content), ['old', 'new', 'inside', 'more']);
  assert.ok(fs.lstatSync(path.join(tree, 's')).isFile());
});

overriding('one name twice in a package: the later one counts', () => {
  const tree = extract(
    archive({ name: 'a', content: 'first' }, { name: './a', content: 'second' }),
  );
  assert.is(fs.readFileSync(path.join(tree, 'a'), 'utf8'), 'second');
});

overriding.run();

const hostile = suite('hostile archives');

const attacks: Record<string, (TestMember | Buffer)[]> = {
  'a name with ..': [{ name: '../outside', content: 'harm' }],
  'a name with .. further in': [{ name: 'd/../../outside', content: 'harm' }],
  'an absolute name': [{ name: '/tmp/stage-test-harm', content: 'harm' }],
  'a symlink out and then through it': [
    { name: 'd', type: '2', target: '..' },
    { name: 'd/outside', content: 'harm' },
  ],
  'a directory over a symlink out': [
    { name: 'd', type: '2', target: '..' },
    { name: 'd/', type: '5' },
    { name: 'd/outside', content: 'harm' },
  ],
  'two symlinks that lead out together': [
    { name: 'a', type: '5' },
    { name: 'a/b', type: '2', target: '..' },
    { name: 'c', type: '2', target: 'a/b/..' },
    { name: 'c/outside', content: 'harm' },
  ],
  'a hard link out': [
    { name: 'h', type: '1', target: '../outside' },
    { name: 'h', content: 'harm' },
  ],
  'a hard link through a symlink out': [
    { name: 's', type: '2', target: '..' },
    { name: 'h', type: '1', target: 's/outside' },
  ],
  'a character device': [{ name: 'null', type: '3' }],
  'a block device': [{ name: 'disk', type: '4' }],
  'a harmless name that a pax record replaces': [
    pax({ path: '../outside' }),
    { name: 'harmless', content: 'harm' },
  ],
  'a harmless link target that a pax record replaces': [
    pax({ linkpath: '../outside' }),
    { name: 'h', type: '1', target: 'harmless' },
  ],
  'a name with a NUL in a pax record': [pax({ path: 'a\0b' }), { name: 'harmless' }],
  'a long name of GNU tar that leads outside': [
    gnuLong('L', `${'d/'.repeat(100)}${'../'.repeat(101)}outside`),
    { name: 'harmless', content: 'harm' },
  ],
  'a prefix field that leads outside': [{ name: 'outside', prefix: '..', content: 'harm' }],
  'a fifo': [{ name: 'fifo', type: '6' }],
};

for (const [name, members] of Object.entries(attacks)) {
  hostile(name, () => {
    assert.throws(
      () => extract(archive(...members)),
      (error: PythonMpiError) => error.code === 'UNSAFE_PACKAGE',
    );
  });
}

hostile('a hard link to a symlink out, then written to, stays inside', () => {
  const tree = extract(
    archive(
      { name: 's', type: '2', target: '../outside' },
      { name: 'h', type: '1', target: 's' },
      { name: 'h', content: 'inside' },
    ),
  );
  assert.ok(fs.lstatSync(path.join(tree, 'h')).isFile());
});

hostile('a name that no file system takes', () => {
  assert.throws(
    () => extract(archive(gnuLong('L', 'n'.repeat(300)), { name: 'n' })),
    (error: PythonMpiError) => error.code === 'SYSTEM' && /ENAMETOOLONG/.test(error.message),
  );
});

hostile.run();

const round = suite('round trip');

round('of a tree with everything in it equals the tree', () => {
  const source = scratch();
  const write = (name: string, content: string, mode: number, time: number) => {
    const file = path.join(source, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, content);
    fs.chmodSync(file, mode);
    fs.utimesSync(file, time, time);
  };
  write('bin/python3', '#!/bin/sh\n', 0o755, 1_600_000_000);
  write('lib/empty', '', 0o600, 1_500_000_000.25);
  write('lib/large', 'z'.repeat(3_000_000), 0o444, 1_400_000_000);
  write(`lib/${'ä'.repeat(100)}/new\nline`, 'x', 0o644, 1_300_000_000);
  fs.linkSync(path.join(source, 'lib/large'), path.join(source, 'lib/other name'));
  fs.symlinkSync('lib', path.join(source, 'lib64'));
  fs.symlinkSync('/nowhere/at/all', path.join(source, 'dangling'));
  fs.mkdirSync(path.join(source, 'void'), 0o700);
  fs.chmodSync(path.join(source, 'lib'), 0o555);
  for (const flavour of ['gnu', 'pax']) {
    const bytes = execFileSync('tar', ['-C', source, `--format=${flavour}`, '-c', '.'], {
      maxBuffer: 1 << 26,
    });
    const seconds = (lines: string[]) =>
      flavour === 'gnu' ? lines.map(line => line.replace(/(\d{10})\d{3}/, '$1')) : lines;
    assert.equal(seconds(listing(extract(bytes))), seconds(listing(source)));
  }
});

round.run();

const removal = suite('removal');

removal('of a tree copes with read-only directories', () => {
  asOrdinaryUser(() => {
    const tree = extract(
      archive(
        { name: 'd/', type: '5', mode: 0o500 },
        { name: Buffer.from([0x64, 0x2f, 0xff]), type: '5', mode: 0o500 },
        { name: Buffer.from([0x64, 0x2f, 0xff, 0x2f, 0x66]) },
        { name: 's', type: '2', target: '..' },
      ),
    );
    removeTree(tree);
    assert.equal(fs.readdirSync(path.dirname(tree)), ['outside']);
    removeTree(tree);
  });
});

removal.run();
