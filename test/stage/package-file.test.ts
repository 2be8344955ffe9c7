import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ErrorCode, PythonMpiError } from '../../src/errors.ts';
import { openPackages, PackageFile } from '../../src/stage/package-file.ts';
import { scratch } from '../support/scratch.ts';
import { archive } from '../support/tar-builder.ts';

const root = scratch();
const tar = archive({ name: 'a', content: 'a'.repeat(5000) });

function put(name: string, bytes: Buffer): string {
  const file = path.join(root, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, bytes);
  return file;
}

async function refuses(work: Promise<unknown>, code: ErrorCode, message: RegExp): Promise<void> {
  try {
    await work;
  } catch (error) {
    assert.is((error as PythonMpiError).code, code);
    assert.match((error as PythonMpiError).message, message);
    return;
  }
  assert.unreachable();
}

const sources = suite('sources');

sources('are described by content, whatever they are called', async () => {
  const large = Buffer.concat([tar.subarray(0, -1024), ...Array(3).fill(Buffer.alloc(1 << 20, 1))]);
  const cases = [
    ['plain.tar', tar, 'tar', tar.length],
    ['sub/misnamed.tar', zlib.gzipSync(tar), 'tar.gz', tar.length],
    ['z', zlib.zstdCompressSync(tar), 'tar.zst', zlib.zstdCompressSync(tar).length],
    ['large.tar', large, 'tar', large.length],
  ] as const;
  for (const [name, bytes] of cases) put(name, bytes);
  const files = await openPackages(
    cases.map(([name]) => name),
    root,
  );
  files.forEach(({ spec }, i) => {
    const [name, bytes, format, unpacked] = cases[i]!;
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    assert.equal(spec, { name, size: bytes.length, sha256, format, unpacked });
  });
  for (const file of files) await file.close();
});

sources('are found by relative or absolute name, in order; empty names are none', async () => {
  const [a, b] = [put('a.tar', tar), put('b.tar', tar)];
  const files = await openPackages(['', b, 'a.tar', '', './b.tar'], root);
  assert.equal(
    files.map(file => file.path),
    [b, a, b],
  );
  for (const file of files) await file.close();
});

sources('are read at any position, to the end', async () => {
  const file = await PackageFile.open(put('read.tar', tar), root);
  const buffer = Buffer.alloc(700);
  assert.is(await file.read(buffer, 600), 700);
  assert.ok(buffer.equals(tar.subarray(600, 1300)));
  assert.is(await file.read(buffer, tar.length - 100), 100);
  assert.is(await file.read(buffer, tar.length), 0);
  await file.verify();
  await file.close();
});

sources('that are missing are said to be, and where they were looked for', async () => {
  await refuses(
    openPackages(['none.tar'], root),
    'NO_PACKAGE',
    new RegExp(`none.tar.*${root}/none.tar`),
  );
  await refuses(
    openPackages(['/none.tar'], root),
    'NO_PACKAGE',
    /^there is no package \/none.tar$/,
  );
  await refuses(openPackages(['a.tar/b'], root), 'NO_PACKAGE', /a.tar\/b/);
});

sources('that cannot be read are said to be', async () => {
  await refuses(openPackages([root], root), 'PACKAGE_UNREADABLE', /not a file/);
  const secret = put('secret.tar', tar);
  fs.chmodSync(secret, 0);
  fs.chmodSync(root, 0o755);
  // Which user opens the file is decided in the thread pool: that of the whole process must change.
  const user = process.geteuid!();
  if (user === 0) process.seteuid!(65534);
  try {
    await refuses(openPackages(['secret.tar'], root), 'PACKAGE_UNREADABLE', /secret.tar: EACCES/);
  } finally {
    if (user === 0) process.seteuid!(0);
  }
});

sources('that are no archives are said to be', async () => {
  const wrong = {
    empty: '',
    short: 'x',
    text: 'text '.repeat(1000),
    zip: 'PK\x03\x04'.padEnd(600),
  };
  for (const [name, content] of Object.entries(wrong)) {
    put(name, Buffer.from(content));
    await refuses(openPackages([name], root), 'CORRUPT_PACKAGE', new RegExp(`${name} is no tar`));
  }
});

sources('that are written to meanwhile are noticed', async () => {
  const file = put('changing.tar', tar);
  const grown = await PackageFile.open(file, root);
  fs.appendFileSync(file, 'x');
  await refuses(grown.verify(), 'CORRUPT_PACKAGE', /changing.tar was written to/);
  await grown.close();
  const touched = await PackageFile.open(put('changing.tar', tar), root);
  fs.writeFileSync(file, Buffer.from(tar).fill(1, 600, 601));
  fs.utimesSync(file, 1, 1);
  await refuses(touched.verify(), 'CORRUPT_PACKAGE', /written to/);
  await touched.close();
});

sources('that are replaced by another file stay what they were', async () => {
  const path = put('replaced.tar', tar);
  const file = await PackageFile.open(path, root);
  fs.renameSync(put('other.tar', zlib.gzipSync(tar)), path);
  await file.verify();
  const buffer = Buffer.alloc(tar.length);
  await file.read(buffer, 0);
  assert.ok(buffer.equals(tar));
  await file.close();
});

sources.run();
