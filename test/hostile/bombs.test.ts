/**
 * Packages that are far more than they look: whole runs. Each ends with one line, in bounded
 * memory, and leaves nothing.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import zlib from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { leftovers, run } from '../support/job.ts';
import { scratch } from '../support/scratch.ts';
import { archive, member, pax } from '../support/tar-builder.ts';

const MB = 1 << 20;
const compress = {
  gz: (bytes: Buffer) => zlib.gzipSync(bytes),
  zst: (bytes: Buffer) => zlib.zstdCompressSync(bytes),
};

/**
 * A package of `head`, and then `times` times `block`: as many gzip members or Zstandard frames, of
 * which the last alone says how long it is.
 */
function bomb(kind: keyof typeof compress, head: Buffer, block: Buffer, times: number): string {
  const file = join(scratch(), `bomb.tar.${kind}`);
  const packed = compress[kind](block);
  fs.writeFileSync(file, compress[kind](head));
  for (let i = 0; i < times; i++) fs.appendFileSync(file, packed);
  return file;
}

const bombs = suite('hostile packages');
const isRoot = process.getuid!() === 0;
const mounting = isRoot ? bombs : bombs.skip;
if (!isRoot) console.log('skipped: only root may mount a small tmpfs');

for (const kind of ['gz', 'zst'] as const) {
  mounting(
    `.tar.${kind} of a few KB that unpacks to 8 GB: the file system is full, and empty again`,
    async () => {
      const chroot = scratch();
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', chroot]);
      try {
        const size = 8192 * MB;
        const head = Buffer.concat([pax({ size: String(size) }), member({ name: 'harmless' })]);
        const file = bomb(kind, head, Buffer.alloc(4 * MB), 256);
        const done = await run(['--packages', file, '-c', ''], { chroot });
        assert.is(done.status, 72, done.err);
        assert.is(done.told.length, 1, done.err);
        assert.match(
          done.told[0]!,
          /cannot write harmless: ENOSPC on .*; free some memory or inodes there.*\[NO_SPACE\]$/,
        );
        assert.equal(leftovers(chroot), []);
      } finally {
        execFileSync('umount', [chroot]);
      }
    },
  );
}

mounting('a gzip that announces more than there is room for is not even begun', async () => {
  const chroot = scratch();
  const file = join(scratch(), 'liar.tar.gz');
  const bytes = zlib.gzipSync(archive({ name: 'f' }));
  bytes.writeUInt32LE(0xffffffff, bytes.length - 4);
  fs.writeFileSync(file, bytes);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', chroot]);
  try {
    const done = await run(['--packages', file, '-c', ''], { chroot });
    assert.is(done.status, 72, done.err);
    assert.match(done.err, /has 16 MB free where 4295 MB are needed/);
    assert.equal(leftovers(chroot), []);
  } finally {
    execFileSync('umount', [chroot]);
  }
});

for (const [what, head, block, times, status, line] of [
  [
    'zeros without end behind the end',
    archive({ name: 'f' }),
    Buffer.alloc(16 * MB),
    100,
    65,
    /no end to the zeros at its end/,
  ],
  [
    'headers without end, and never a member',
    Buffer.alloc(0),
    Buffer.concat(Array.from({ length: 1024 }, () => pax({ comment: 'x'.repeat(8000) }))),
    50_000,
    75,
    /\[TIMEOUT\]$/,
  ],
  [
    'one member of the same name after the other',
    Buffer.alloc(0),
    Buffer.concat(Array.from({ length: 8192 }, () => member({ name: 'd', type: '5' }))),
    200,
    67,
    /more than 1000000 members/,
  ],
] as const) {
  bombs(what, async () => {
    const chroot = scratch();
    const file = bomb('zst', head, block, times);
    const options = ['--timeout', status === 75 ? '4' : '60'];
    const done = await run([...options, '--packages', file, '-c', ''], { chroot });
    assert.is(done.status, status, done.err);
    assert.is(done.told.length, 1, done.err);
    assert.match(done.told[0]!, line);
    assert.equal(leftovers(chroot), []);
  });
}

bombs('a Zstandard frame that wants a window of two gigabytes', async () => {
  // RFC 8878, 3.1.1.1.2: an exponent of 21 above 2^10.
  const file = join(scratch(), 'window.tar.zst');
  fs.writeFileSync(file, Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 0x01, 0x00, 0x00]));
  const { status, told } = await run(['--packages', file, '-c', '']);
  assert.is(status, 82);
  assert.match(told[0]!, /window\.tar\.zst cannot be unpacked: its zstd window is larger than/);
});

for (const kind of ['files', 'globals']) {
  bombs(`ten million: ${kind}`, () => {
    const program = fileURLToPath(new URL('../support/many-members.ts', import.meta.url));
    const { stdout } = spawnSync(process.execPath, [program, kind], { encoding: 'utf8' });
    const { ended, megabytes } = JSON.parse(stdout);
    if (kind === 'globals') assert.is(ended, 'read');
    else assert.match(ended, /more than 1000000 members.*\[UNSAFE_PACKAGE\]/);
    assert.ok(megabytes < 600, `${megabytes} MB`);
  });
}

bombs.run();
