import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type CachedDigest,
  cacheDigests,
  isSettled,
  readDigestCache,
  stateOf,
} from '../../src/stage/digest-cache.ts';
import { PackageFile } from '../../src/stage/package-file.ts';
import { pack, run } from '../support/job.ts';
import { scratch } from '../support/scratch.ts';
import { archive } from '../support/tar-builder.ts';

const tar = archive({ name: 'a', content: 'a'.repeat(5000) });
const sha256 = createHash('sha256').update(tar).digest('hex');
/** Seen only if it was remembered: it is not that of the file. */
const CACHED = 'f'.repeat(64);

function put(): string {
  const file = join(scratch(), 'p.tar');
  fs.writeFileSync(file, tar);
  return file;
}

function recordOf(file: string): CachedDigest {
  const state = stateOf(file, fs.statSync(file, { bigint: true }));
  return { state, spec: { size: tar.length, sha256: CACHED, format: 'tar', unpacked: 1 } };
}

async function digestOf(file: string, cache: readonly CachedDigest[]): Promise<string> {
  const opened = await PackageFile.open(file, '/', cache);
  await opened.close();
  return opened.spec.sha256;
}

const cached = suite('packages whose digest is cached');

cached('are not read again', async () => {
  const file = put();
  const opened = await PackageFile.open(file, '/', [recordOf(put()), recordOf(file)]);
  const { size, format, unpacked } = opened.spec;
  assert.equal(opened.spec, { name: file, size, sha256: CACHED, format, unpacked });
  await opened.verify();
  await opened.close();
});

for (const [what, change] of [
  ['written to', (file: string) => fs.appendFileSync(file, 'x')],
  ['given another time', (file: string) => fs.utimesSync(file, 1, 1)],
  [
    'written to and given its time back',
    (file: string) => {
      const { atime, mtime, ctimeMs } = fs.statSync(file);
      // Where clocks tick slowly, it takes more than one.
      while (fs.statSync(file).ctimeMs === ctimeMs) {
        fs.writeFileSync(file, tar);
        fs.utimesSync(file, atime, mtime);
      }
    },
  ],
  [
    'replaced',
    (file: string) => {
      fs.copyFileSync(file, `${file}.new`);
      fs.renameSync(`${file}.new`, file);
    },
  ],
] as const) {
  cached(`are read when they were ${what}`, async () => {
    const file = put();
    const record = recordOf(file);
    assert.is(await digestOf(file, [record]), CACHED);
    change(file);
    assert.is.not(await digestOf(file, [record]), CACHED);
  });
}

cached('are read when another path leads to the same file', async () => {
  const file = put();
  const record = recordOf(file);
  fs.linkSync(file, `${file}.link`);
  assert.is(await digestOf(`${file}.link`, [record]), sha256);
});

cached('are only those that had been left alone for a while', async () => {
  const opened = await PackageFile.open(put(), '/');
  assert.is(opened.cacheable, undefined);
  await opened.close();
  const { state } = recordOf(put());
  const old = '1000000000';
  assert.is(isSettled({ ...state, ctime: old, mtime: old }), true);
  assert.is(isSettled({ ...state, mtime: old }), false);
  assert.is(isSettled({ ...state, ctime: old }), false);
});

cached('are so in prefixes; what is no record is none', () => {
  const chroot = scratch();
  assert.equal(readDigestCache(chroot), []);
  const records = ['prefix-1', 'prefix-2', 'draft-1'].map(name => {
    const prefix = join(chroot, `python-mpi-${process.getuid!()}`, name);
    fs.mkdirSync(join(prefix, '.python-mpi'), { recursive: true });
    const record = recordOf(put());
    cacheDigests(prefix, [record]);
    return record;
  });
  assert.equal(readDigestCache(chroot), records.slice(0, 2));
  const broken = join(chroot, `python-mpi-${process.getuid!()}/prefix-2/.python-mpi/packages.json`);
  fs.truncateSync(broken, 20);
  assert.equal(readDigestCache(chroot), records.slice(0, 1));
  cacheDigests('/nonexistent', records);
});

cached('are never those that a package speaks of', async () => {
  const chroot = scratch();
  const forged = JSON.stringify([recordOf(put())]);
  const file = await pack({ '.python-mpi/packages.json': forged, 'lib/x': 'x' });
  const { status, err } = await run(['--keep', '--packages', file, '-c', 'pass'], { chroot });
  assert.is(status, 0, err);
  assert.is(fs.readdirSync(join(chroot, `python-mpi-${process.getuid!()}`)).length, 2);
  assert.not.ok(JSON.stringify(readDigestCache(chroot)).includes(CACHED));
});

cached('are not read by the second run of a job', async () => {
  const chroot = scratch();
  const file = await pack({ 'lib/x': 'x' });
  const start = (packages: string) =>
    run(['--keep', '--verbose', '--packages', packages, '-c', 'pass'], { chroot });
  await start(file);
  const [name] = fs
    .readdirSync(join(chroot, `python-mpi-${process.getuid!()}`))
    .filter(entry => entry.startsWith('prefix-'));
  const prefix = join(chroot, `python-mpi-${process.getuid!()}`, name!);
  const opened = await PackageFile.open(file, '/');
  const { name: _, ...spec } = opened.spec;
  await opened.close();
  // Read, it would be found to be another one.
  const other = await pack({ 'lib/x': 'y' });
  cacheDigests(prefix, [{ state: stateOf(other, fs.statSync(other, { bigint: true })), spec }]);
  const { status, err } = await start(other);
  assert.is(status, 0, err);
  assert.match(err, /1 of them had everything/);
});

cached.run();
