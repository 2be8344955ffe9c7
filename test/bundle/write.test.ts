import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import * as zlib from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FRAME_BYTES } from '../../src/bundle/frames.ts';
import { scratch } from '../support/scratch.ts';
import { bundle, files, must, packaged } from './support.ts';

const LONG = `${'long-directory-name/'.repeat(14)}file.txt`;

/**
 * A directory with all that a tar stream can stumble over.
 * @param each bytes of each of many small files: no more than a test is in need of, since all of it
 *   is compressed again and again
 */
function source(each = 300): string {
  const root = files(join(scratch(), 'source'), {
    'a.txt': 'a',
    empty: '',
    'bin/run': '#!/bin/sh\necho run\n',
    'dir with space/ü.txt': 'umlaut',
    [LONG]: 'deep',
    'big.bin': Buffer.alloc(2 * FRAME_BYTES + 1234, 'big'),
  });
  for (let i = 0; i < 40; i++) files(root, { [`many/${i}`]: Buffer.alloc(each, `${i} `) });
  mkdirSync(join(root, 'nothing/in/here'), { recursive: true });
  symlinkSync('a.txt', join(root, 'link'));
  symlinkSync(join(root, 'a.txt'), join(root, 'absolute'));
  symlinkSync(join(files(scratch(), { other: 'other' }), 'other'), join(root, 'outside'));
  symlinkSync(`${'x'.repeat(120)}`, join(root, 'dangling'));
  return root;
}

const writing = suite('write');

for (const suffix of ['.tar.zst', '.tar.gz', '.tar']) {
  writing(`${suffix}: GNU tar unpacks what was put in`, async () => {
    const from = source();
    const { prefix, manifest } = await packaged(['--dir', from, '--at', './lib/x/'], { suffix });
    const at = join(prefix, 'lib/x');
    must('rm', [join(from, 'dangling')]);
    assert.is(must('diff', ['-r', from, at]), '');
    assert.is(must('readlink', ['link', 'absolute'], { cwd: at }), 'a.txt\na.txt\n');
    assert.is(
      must('stat', ['-c', '%a %F', 'outside', 'bin/run', 'a.txt', '.'], { cwd: at }),
      '644 regular file\n755 regular file\n644 regular file\n755 directory\n',
    );
    assert.is(manifest.entries.length, 49);
    assert.ok(manifest.warnings.some(warning => warning.includes('dangling')));
  });

  writing(
    `${suffix}: same input, same bytes, whatever the times and permissions of the machine`,
    async () => {
      const from = source();
      const one = await packaged(['--dir', from, '--jobs', '1'], { suffix });
      utimesSync(join(from, 'a.txt'), 1, 1);
      chmodSync(join(from, 'a.txt'), 0o600);
      const two = await packaged(['--dir', from, '--jobs', '3'], { suffix });
      assert.ok(readFileSync(one.file).equals(readFileSync(two.file)));
      writeFileSync(join(from, 'a.txt'), 'b');
      const three = await packaged(['--dir', from], { suffix });
      assert.is.not(three.manifest.digest, one.manifest.digest);
    },
  );
}

writing('no owner, no time, no name of the machine gets in', async () => {
  const { file } = await packaged(['--dir', source(), '--level', '1']);
  const owners = must('tar', ['--numeric-owner', '-tvf', file]).trim().split('\n');
  assert.ok(
    owners.every(line => / 0\/0 .* 1980-01-01 /.test(line)),
    owners.join('\n'),
  );
  const epoch = await packaged(['--dir', source(), '--level', '1'], {
    env: { ...process.env, SOURCE_DATE_EPOCH: '86400' },
  });
  assert.match(must('tar', ['-tvf', epoch.file]), '1970-01-02');
});

writing('frames stand alone, and the manifest tells where they are', async () => {
  for (const [suffix, expand] of [
    ['.tar.gz', zlib.gunzipSync],
    ['.tar.zst', zlib.zstdDecompressSync],
  ] as const) {
    const { file, manifest } = await packaged(['--dir', source(300_000), '--level', '1'], {
      suffix,
    });
    const packed = readFileSync(file);
    const [lastOffset, lastLength] = manifest.frames.at(-1)!;
    const start = packed.length - lastOffset - lastLength;
    const stream = manifest.frames.map(([offset, length, bytes, begins]) => {
      const frame = expand(packed.subarray(start + offset, start + offset + length));
      assert.is(frame.length, bytes);
      assert.ok(bytes <= FRAME_BYTES);
      // A header has its magic; the middle of this large file does not.
      assert.is(
        frame.toString('latin1', 257, 262) === 'ustar',
        begins === 1 && frame.some(byte => byte !== 0),
      );
      return frame;
    });
    const first = expand(packed.subarray(0, start));
    assert.is(first.toString('latin1', 0, 12), '.python-mpi/');
    const names = must('tar', ['-tf', file]).trim().split('\n');
    assert.is(names[1], '.python-mpi/manifest-package.json');
    assert.is(
      names.findIndex(name => !name.endsWith('/')),
      1,
    );
    assert.ok(names.indexOf('link') > names.indexOf('many/9'), 'links come last');
    assert.is((first.length + Buffer.concat(stream).length) % 512, 0);
  }
});

writing('--list prints what is in a package', async () => {
  const { file } = await packaged(['--dir', source(), '--level', '1', '--exclude', 'many']);
  const { status, stdout } = bundle(['--list', file]);
  assert.is(status, 0);
  for (const text of ['a.txt', 'link -> a.txt', 'many (1)', 'digest:', 'python:    none'])
    assert.match(stdout, text);
});

writing('names are bytes: those that are not UTF-8 come out as they went in', async () => {
  const from = join(scratch(), 'source');
  mkdirSync(from);
  const names = [
    'caf\xe9.txt',
    'caf\xe8.txt',
    'p\xc3\xa4.txt',
    '\xf0\x9f\x90\x8d\xff.py',
    'd\xe9/f',
  ];
  for (const name of names) {
    const path = Buffer.concat([Buffer.from(`${from}/`), Buffer.from(name, 'latin1')]);
    mkdirSync(path.subarray(0, path.lastIndexOf('/')), { recursive: true });
    writeFileSync(path, name);
  }
  symlinkSync(Buffer.from('caf\xe9.txt', 'latin1'), join(from, 'link'));
  const { file, prefix, manifest } = await packaged(['--dir', from, '--source-only']);
  assert.is(must('diff', ['-r', from, prefix, '-x', '.python-mpi']), '');
  const there = readdirSync(prefix, { encoding: 'latin1' });
  for (const name of names.slice(0, -1)) assert.ok(there.includes(name), name);
  // As Python says it.
  assert.ok(manifest.entries.some(({ path }) => path === 'caf\udce9.txt'));
  assert.is(bundle(['--list', file]).status, 0);
  const before = manifest.digest;
  must('sh', ['-c', `mv "$(printf 'caf\\350.txt')" "$(printf 'caf\\352.txt')"`], { cwd: from });
  assert.is.not((await packaged(['--dir', from, '--source-only'])).manifest.digest, before);
});

writing.run();
