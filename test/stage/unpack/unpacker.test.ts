import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type ErrorCode, PythonMpiError } from '../../../src/errors.ts';
import type { PackageFormat, PackageSpec } from '../../../src/stage/package.ts';
import type { Extracted } from '../../../src/stage/unpack/extract.ts';
import { Unpacker } from '../../../src/stage/unpack/unpacker.ts';
import { listing, scratch } from '../../support/scratch.ts';
import { archive } from '../../support/tar-builder.ts';

interface Package {
  bytes: Buffer;
  format: PackageFormat;
  /** Where it is not that of the bytes. */
  sha256?: string;
}

function specOf({ bytes, format, sha256 }: Package, index: number): PackageSpec {
  return {
    name: `package-${index}`,
    size: bytes.length,
    sha256: sha256 ?? createHash('sha256').update(bytes).digest('hex'),
    format,
    unpacked: 0,
  };
}

/** Unpacks packages that arrive in pieces of `piece` bytes. */
async function unpack(directory: string, packages: Package[], piece = 1 << 16): Promise<Extracted> {
  const unpacker = new Unpacker({ directory, packages: packages.map(specOf) });
  const bytes = Buffer.concat(packages.map(each => each.bytes));
  for (let at = 0; at < bytes.length; at += piece) {
    const chunk = Buffer.from(bytes.subarray(at, at + piece));
    await unpacker.deliver(chunk);
    // The caller's memory is its own again.
    chunk.fill(0);
  }
  return unpacker.finished;
}

async function refuses(packages: Package[], code: ErrorCode, message: RegExp): Promise<void> {
  try {
    await unpack(scratch(), packages);
  } catch (error) {
    assert.instance(error, PythonMpiError);
    assert.is((error as PythonMpiError).code, code, (error as PythonMpiError).message);
    assert.match((error as PythonMpiError).message, message);
    return;
  }
  assert.unreachable('was unpacked');
}

const hello = archive({ name: 'd/hello', content: 'hello '.repeat(500) });
const world = archive({ name: 'd/world', content: 'world' }, { name: 'd/hello', content: 'new' });

/** Cuts bytes and compresses the parts one by one. */
function parts(bytes: Buffer, compress: (part: Buffer) => Buffer): Buffer {
  const middle = bytes.length >> 1;
  return Buffer.concat([bytes.subarray(0, middle), bytes.subarray(middle)].map(compress));
}

const packed: Record<string, (bytes: Buffer) => Package> = {
  tar: bytes => ({ bytes, format: 'tar' }),
  gzip: bytes => ({ bytes: zlib.gzipSync(bytes), format: 'tar.gz' }),
  'gzip members': bytes => ({ bytes: parts(bytes, zlib.gzipSync), format: 'tar.gz' }),
  zstd: bytes => ({ bytes: zlib.zstdCompressSync(bytes), format: 'tar.zst' }),
  'zstd frames': bytes => ({ bytes: parts(bytes, zlib.zstdCompressSync), format: 'tar.zst' }),
};

const good = suite('unpacking');

for (const [name, pack] of Object.entries(packed)) {
  good(`${name}, in one piece or byte by byte`, async () => {
    for (const piece of [1 << 20, 1, 7]) {
      const directory = scratch();
      const { files, bytes } = await unpack(directory, [pack(hello)], piece);
      assert.equal([files, bytes], [1, 3000]);
      assert.is(fs.readFileSync(path.join(directory, 'd/hello'), 'utf8'), 'hello '.repeat(500));
    }
  });
}

good('several packages of different formats, later ones over earlier ones', async () => {
  const directory = scratch();
  await unpack(directory, [packed.gzip!(hello), packed.tar!(world), packed.zstd!(archive())]);
  assert.is(fs.readFileSync(path.join(directory, 'd/hello'), 'utf8'), 'new');
  assert.is(fs.readFileSync(path.join(directory, 'd/world'), 'utf8'), 'world');
});

good('more than the rings hold', async () => {
  const directory = scratch();
  const content = Buffer.alloc(40 << 20, 'some text that repeats ');
  for (const name of ['tar', 'gzip']) {
    const target = path.join(directory, name);
    fs.mkdirSync(target);
    await unpack(target, [packed[name]!(archive({ name: 'large', content }))], 1 << 20);
    assert.ok(fs.readFileSync(path.join(target, 'large')).equals(content));
  }
});

good('a small package behind one that is larger than the rings', async () => {
  // Its bytes alone are not worth waking a thread that sleeps.
  for (const pack of Object.values(packed)) {
    const directory = scratch();
    const large = archive({ name: 'large', content: randomBytes(12 << 20) });
    await unpack(directory, [pack(large), pack(hello)]);
    assert.ok(fs.existsSync(path.join(directory, 'd/hello')));
  }
});

good('deliveries that do not wait for each other stay in order, and progress is told', async () => {
  const directory = scratch();
  const bytes = archive({ name: 'large', content: randomBytes(20 << 20) });
  const told: number[] = [];
  const unpacker = new Unpacker({
    directory,
    packages: [specOf(packed.tar!(bytes), 0)],
    progress: (done, total) => {
      assert.is(total, bytes.length);
      told.push(done);
    },
  });
  const deliveries: unknown[] = [];
  for (let at = 0; at < bytes.length; at += 999_983) {
    deliveries.push(unpacker.deliver(bytes.subarray(at, at + 999_983)));
  }
  assert.is(deliveries[0], undefined);
  assert.instance(deliveries.at(-1), Promise);
  await Promise.all(deliveries);
  await unpacker.finished;
  assert.is(told.length, deliveries.length);
  assert.is(told.at(-1), bytes.length);
  assert.ok(fs.readFileSync(path.join(directory, 'large')).equals(bytes.subarray(512, -1024)));
});

good("Debian's Python with numpy as GNU tar does", async () => {
  const work = scratch();
  const file = path.join(work, 'python.tar.gz');
  const code =
    'import os, numpy; print(os.path.dirname(os.__file__), os.path.dirname(numpy.__file__))';
  const trees = execFileSync('/usr/bin/python3', ['-c', code], { encoding: 'utf8' })
    .trim()
    .split(' ')
    .map(tree => tree.slice(1));
  execFileSync('tar', ['-C', '/', '-I', 'gzip -1', '-cf', file, ...trees]);
  for (const name of ['ours', 'theirs']) fs.mkdirSync(path.join(work, name));
  execFileSync('tar', ['-C', path.join(work, 'theirs'), '-xzf', file]);
  await unpack(path.join(work, 'ours'), [{ bytes: fs.readFileSync(file), format: 'tar.gz' }]);
  // GNU tar makes the directories above what was packed when it unpacked, which is not in the
  // package.
  const dated = (line: string) => trees.some(tree => line.includes(`"${tree}`));
  const theirs = listing(path.join(work, 'theirs')).filter(dated);
  assert.ok(theirs.length > 1000);
  assert.equal(listing(path.join(work, 'ours')).filter(dated), theirs);
});

good.run();

const bad = suite('packages that are refused');

const other = '0'.repeat(64);

for (const [name, pack] of Object.entries(packed)) {
  bad(`${name}: not the announced content`, async () => {
    const sha256 = new RegExp(`package-1 is corrupt: SHA-256 is .* where ${other} was announced`);
    await refuses([pack(hello), { ...pack(world), sha256: other }], 'CORRUPT_PACKAGE', sha256);
  });

  bad(`${name}: cut short`, async () => {
    const { bytes, format } = pack(hello);
    // A plain tar may end without its end mark, so it is cut within its first member.
    const ends = [bytes.length >> 1, bytes.length - 513, bytes.length - 1];
    for (const length of format === 'tar' ? [0, 1, 511, 513] : [0, 1, ...ends]) {
      if (length < 0) continue;
      const cut = bytes.subarray(0, length);
      await refuses([{ bytes: cut, format }], 'CORRUPT_PACKAGE', /package-0 is corrupt/);
    }
  });

  bad(`${name}: something behind the end`, async () => {
    const { bytes, format } = pack(hello);
    const longer = Buffer.concat([bytes, Buffer.from('garbage')]);
    await refuses([{ bytes: longer, format }], 'CORRUPT_PACKAGE', /package-0 is corrupt/);
  });
}

bad('gzip: a damaged byte is noticed even before the digest', async () => {
  const { bytes, format } = packed.gzip!(hello);
  bytes[bytes.length >> 1]! ^= 0x55;
  await refuses([{ bytes, format }], 'CORRUPT_PACKAGE', /package-0 is corrupt: (?!SHA)/);
});

bad('an unsafe member names its package', async () => {
  const unsafe = archive({ name: '../x' });
  await refuses(
    [packed.gzip!(hello), packed.gzip!(unsafe)],
    'UNSAFE_PACKAGE',
    /package-1 is unsafe: \.\.\/x/,
  );
});

bad('a failure while more arrives than the rings hold ends the writer too', async () => {
  const unsafe = archive({ name: '../x' }, { name: 'large', content: Buffer.alloc(64 << 20, 7) });
  await refuses([packed.tar!(unsafe)], 'UNSAFE_PACKAGE', /x/);
});

bad('more bytes than were announced, and any after the end', async () => {
  const unpacker = new Unpacker({
    directory: scratch(),
    packages: [specOf(packed.tar!(hello), 0)],
  });
  assert.throws(
    () => unpacker.deliver(Buffer.concat([hello, hello])),
    (error: PythonMpiError) => error.code === 'INTERNAL',
  );
  unpacker.abort();
  await unpacker.finished.then(
    () => assert.unreachable(),
    (error: PythonMpiError) => assert.is(error.code, 'CANCELLED'),
  );
  assert.is(unpacker.deliver(hello), undefined);
});

bad.run();

const full = suite('a full file system');
const isRoot = process.getuid!() === 0;
const overflow = isRoot ? full : full.skip;
if (!isRoot) console.log('skipped: only root may mount a small tmpfs');

overflow('is said to be one', async () => {
  const directory = scratch();
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', directory]);
  try {
    const large = archive({ name: 'large', content: Buffer.alloc(8 << 20, 1) });
    await unpack(directory, [packed.gzip!(large)]);
    assert.unreachable();
  } catch (error) {
    assert.is((error as PythonMpiError).code, 'NO_SPACE');
    assert.match((error as PythonMpiError).message, /cannot write large: ENOSPC/);
  } finally {
    execFileSync('umount', [directory]);
  }
});

overflow('that is read-only cannot be used', async () => {
  const directory = scratch();
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'tmpfs', directory]);
  try {
    await unpack(directory, [packed.tar!(hello)]);
    assert.unreachable();
  } catch (error) {
    assert.is((error as PythonMpiError).code, 'CHROOT_UNUSABLE');
  } finally {
    execFileSync('umount', [directory]);
  }
});

full.run();
