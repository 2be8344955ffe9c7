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
import { installIn } from '../support/installed.ts';
import { scratch } from '../support/scratch.ts';
import { bundle, command, files, must, PROGRAM, packaged } from './support.ts';

const LONG = `${'long-directory-name/'.repeat(14)}file.txt`;

/** A directory with all that a tar stream can stumble over. */
function source(): string {
  const root = files(join(scratch(), 'source'), {
    'a.txt': 'a',
    empty: '',
    'bin/run': '#!/bin/sh\necho run\n',
    'dir with space/ü.txt': 'umlaut',
    [LONG]: 'deep',
    'big.bin': Buffer.alloc(2 * FRAME_BYTES + 1234, 'big'),
  });
  for (let i = 0; i < 40; i++) files(root, { [`many/${i}`]: Buffer.alloc(300_000, `${i} `) });
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
  const { file } = await packaged(['--dir', source()]);
  const owners = must('tar', ['--numeric-owner', '-tvf', file]).trim().split('\n');
  assert.ok(
    owners.every(line => / 0\/0 .* 1980-01-01 /.test(line)),
    owners.join('\n'),
  );
  const epoch = await packaged(['--dir', source()], {
    env: { ...process.env, SOURCE_DATE_EPOCH: '86400' },
  });
  assert.match(must('tar', ['-tvf', epoch.file]), '1970-01-02');
});

writing('frames stand alone, and the manifest tells where they are', async () => {
  for (const [suffix, expand] of [
    ['.tar.gz', zlib.gunzipSync],
    ['.tar.zst', zlib.zstdDecompressSync],
  ] as const) {
    const { file, manifest } = await packaged(['--dir', source()], { suffix });
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
  const { file } = await packaged(['--dir', source(), '--exclude', 'many']);
  const { status, stdout } = bundle(['--list', file]);
  assert.is(status, 0);
  for (const text of ['a.txt', 'link -> a.txt', 'many (1)', 'digest:', 'python:    none'])
    assert.match(stdout, text);
});

writing('--list of anything else says what it is not', () => {
  const root = files(scratch(), { 'x.tar.gz': 'nonsense', a: 'a' });
  must('tar', ['-czf', 'plain.tar.gz', 'a'], { cwd: root });
  const lists: readonly (readonly [string, number, string])[] = [
    ['x.tar.gz', 65, 'is no package'],
    ['plain.tar.gz', 65, 'has no manifest'],
    ['none.tar.gz', 66, 'does not exist'],
  ];
  for (const [name, code, text] of lists) {
    const { status, stderr } = bundle(['--list', name], { cwd: root });
    assert.is(status, code);
    assert.match(stderr, text);
    assert.is(stderr.trim().split('\n').length, 1);
  }
});

writing('what cannot be read is named, and nothing is left behind', () => {
  const root = files(scratch(), { 'in/fine': 'x', 'in/secret': 'y', 'tmp/.keep': '' });
  const out = join(root, 'out');
  mkdirSync(out);
  for (const path of [root, out, join(root, 'tmp')]) chmodSync(path, 0o777);
  chmodSync(join(root, 'in/secret'), 0);
  const program = join(installIn(scratch()), 'python-mpi-bundle');
  const args = ['-o', join(out, 'x.tar.gz'), '--dir', join(root, 'in')];
  const { status, stderr } = command(program, args, {
    cwd: root,
    env: { ...process.env, TMPDIR: join(root, 'tmp') },
    ...(process.getuid!() === 0 ? { uid: 65534 } : {}),
  });
  assert.is(status, 74, stderr);
  assert.match(stderr, 'in/secret may not be read');
  assert.equal(readdirSync(out), []);
  assert.equal(readdirSync(join(root, 'tmp')), ['.keep']);
});

writing('an old package of that name stays when the new one fails', () => {
  const root = files(scratch(), { 'x.tar.gz': 'old' });
  assert.is(bundle(['-o', join(root, 'x.tar.gz'), '--dir', join(root, 'none')]).status, 74);
  assert.is(readFileSync(join(root, 'x.tar.gz'), 'utf8'), 'old');
  assert.equal(readdirSync(root), ['x.tar.gz']);
});

writing('a write that fails is named, and leaves nothing', () => {
  const out = scratch();
  const limited = 'ulimit -f 64; exec "$@"';
  const args = [
    '-c',
    limited,
    'sh',
    process.execPath,
    PROGRAM,
    '-o',
    join(out, 'x.tar'),
    '--dir',
    source(),
  ];
  const { status, stderr } = command('bash', args);
  assert.is(status, 71, stderr);
  assert.match(stderr, 'x.tar cannot be written');
  assert.equal(readdirSync(out), []);
});

writing('the output is checked before any work', () => {
  const { status, stderr } = bundle(['-o', '/nowhere/x.tar', '--dir', source()]);
  assert.is(status, 71);
  assert.match(stderr, '/nowhere is no directory');
  assert.is(bundle(['-o', 'x.zip', '--dir', source()]).status, 64);
});

writing.run();
