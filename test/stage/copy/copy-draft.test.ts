import fs from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PythonMpiError } from '../../../src/errors.ts';
import { TreeArrival } from '../../../src/stage/copy/arrival.ts';
import { CopyDraft, sweepDrafts } from '../../../src/stage/copy/copy-draft.ts';
import { takeInventory } from '../../../src/stage/copy/inventory.ts';
import { packTrees } from '../../../src/stage/copy/pack.ts';
import { Unpacker } from '../../../src/stage/unpack/unpacker.ts';
import { listing, scratch } from '../../support/scratch.ts';

/** A tree with everything that can be copied. */
function makeTree(): string {
  const tree = join(scratch(), 'tree');
  fs.mkdirSync(join(tree, 'd', 'ro'), { recursive: true });
  fs.writeFileSync(join(tree, 'd', 'ro', 'f'), 'content\n', { mode: 0o440 });
  fs.writeFileSync(join(tree, `${'long-'.repeat(30)}name`), 'x');
  fs.writeFileSync(Buffer.from(`${tree}/\xff-no-utf8`, 'latin1'), 'y');
  fs.writeFileSync(join(tree, 'empty'), '');
  fs.chmodSync(join(tree, 'empty'), 0o666);
  fs.symlinkSync('../nowhere', join(tree, 'd', 'link'));
  fs.utimesSync(join(tree, 'empty'), 981_173_106.123456, 981_173_106.123456);
  fs.chmodSync(join(tree, 'd', 'ro'), 0o555);
  return tree;
}

/** Everything between packing and publishing, on one node. @returns bytes of the stream */
async function copy(
  source: string,
  directory: string,
  { replace = false, base = true } = {},
): Promise<number> {
  const arrival = new TreeArrival(directory, ['copy'], replace);
  const held = base ? arrival.inventory() : [];
  const { source: stream, content } = await packTrees([source], ['copy'], held);
  const draft = new CopyDraft(directory);
  try {
    const unpacker = new Unpacker({
      directory: arrival.unpackInto(draft),
      packages: [stream.spec],
      permissions: 0o777,
    });
    const bytes = Buffer.alloc(stream.spec.size);
    await stream.fill(bytes, 0);
    await unpacker.deliver(bytes);
    await unpacker.finished;
    arrival.complete(draft, content);
    draft.publish(arrival.names);
    assert.ok(arrival.holds(content));
    return stream.spec.size;
  } catch (error) {
    draft.discard();
    throw error;
  } finally {
    await stream.close();
  }
}

const draft = suite('copies');

draft('a tree is copied with names, modes, times and links', async () => {
  const [tree, directory] = [makeTree(), join(scratch(), 'not', 'there')];
  await copy(tree, directory);
  assert.equal(listing(join(directory, 'copy')), listing(tree));
  assert.equal(fs.readdirSync(directory), ['copy']);
});

draft('what is held is taken over, what was edited is sent', async () => {
  const [tree, directory] = [makeTree(), scratch()];
  fs.writeFileSync(join(tree, 'big'), Buffer.alloc(1_000_000));
  assert.ok((await copy(tree, directory)) > 1_000_000);
  const inode = fs.statSync(join(directory, 'copy', 'big')).ino;
  fs.writeFileSync(join(tree, 'empty'), 'no more');
  assert.ok((await copy(tree, directory)) < 100_000);
  assert.equal(listing(join(directory, 'copy')), listing(tree));
  assert.is(fs.statSync(join(directory, 'copy', 'big')).ino, inode);
});

draft('nothing is lost without being told so', async () => {
  const [tree, directory] = [makeTree(), scratch()];
  await copy(tree, directory);
  fs.writeFileSync(join(directory, 'copy', 'mine'), 'precious');
  fs.writeFileSync(join(tree, 'empty'), 'edited');
  const refused = await copy(tree, directory).then(
    () => undefined,
    (error: PythonMpiError) => error,
  );
  assert.match(refused!.toLine(), /copy\/mine would be lost; .*--replace/);
  assert.is(fs.readFileSync(join(directory, 'copy', 'empty'), 'utf8'), '');
  assert.equal(fs.readdirSync(directory), ['copy']);
  await copy(tree, directory, { replace: true });
  assert.equal(listing(join(directory, 'copy')), listing(tree));
});

draft('what was published is checked against what was announced', async () => {
  const [tree, directory] = [makeTree(), scratch()];
  await copy(tree, directory);
  const arrival = new TreeArrival(directory, ['copy'], false);
  const { source, content } = await packTrees([tree], ['copy'], arrival.inventory());
  await source.close();
  const made = new CopyDraft(directory);
  fs.mkdirSync(made.tree);
  fs.writeFileSync(join(made.path, 'kept'), '[]');
  assert.throws(
    () => arrival.complete(made, content),
    (error: PythonMpiError) => error.code === 'CORRUPT_PACKAGE',
  );
  made.discard();
});

draft('a file that is written to while it is sent is noticed', async () => {
  const tree = makeTree();
  const { source } = await packTrees([tree], ['copy'], []);
  fs.writeFileSync(join(tree, 'empty'), 'meanwhile');
  fs.chmodSync(join(tree, 'd', 'ro', 'f'), 0o640);
  fs.truncateSync(join(tree, 'd', 'ro', 'f'), 3);
  const failed = await source.fill(Buffer.alloc(source.spec.size), 0).then(
    () => undefined,
    (error: PythonMpiError) => error.code,
  );
  assert.is(failed, 'CORRUPT_PACKAGE');
  await source.close();
});

draft('dead drafts are swept, and what they had moved away is put back', () => {
  const directory = scratch();
  const living = new CopyDraft(directory);
  const dead = join(directory, '.python-mpi-bcast-dead');
  fs.mkdirSync(join(dead, 'old', 'copy'), { recursive: true });
  fs.writeFileSync(join(dead, 'lock'), '');
  sweepDrafts(directory);
  assert.equal(fs.readdirSync(directory).sort(), [living.path.slice(directory.length + 1), 'copy']);
  assert.is(takeInventory(directory, 'copy').length, 1);
  living.discard();
  assert.equal(fs.readdirSync(directory), ['copy']);
});

draft.run();
