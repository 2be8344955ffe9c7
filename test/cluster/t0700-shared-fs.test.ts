/**
 * The shared file system in a box counts exactly what a node asks for, and each node is a client of
 * its own.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { clusterOf, whyNoCluster } from './cluster.ts';
import { metadataOf, SharedFs, UNLIMITED, whyNoSharedFs } from './shared-fs.ts';

const sharedFs = suite('shared file system in a box');
const excuse = whyNoCluster() ?? whyNoSharedFs();
if (excuse === undefined) {
  const cluster = clusterOf(sharedFs, 2);

  /** A directory with a file of 300 kB, on the shared file system of the nodes. */
  const furnished = async () => {
    const directory = `${cluster().shared}/fs`;
    mkdirSync(`${directory}/d`, { recursive: true });
    writeFileSync(`${directory}/d/file`, Buffer.alloc(300_000, 7));
    return { directory, fs: await SharedFs.over(cluster(), directory, UNLIMITED) };
  };
  const on = async (node: string, script: string) => {
    const { status, stderr } = await cluster().on(node, ['sh', '-c', script]);
    assert.is(status, 0, stderr);
  };

  sharedFs('a node asks once, for what is there and for what is not', async () => {
    const { directory, fs } = await furnished();
    await on('n0', `cd ${directory}/d; for i in 1 2 3; do test -e file; test ! -e absent; done`);
    const { n0, n1 } = await fs.counts();
    assert.is(n0!.lookup, 2);
    assert.is(n0!.absent, 1);
    assert.is(n0!.read, 0);
    assert.is(metadataOf(n1!), 0, 'the other node has asked for nothing');
    await fs.end();
  });

  sharedFs('content is read once by each node, in sequence, and counted in bytes', async () => {
    const { directory, fs } = await furnished();
    const read = `cat ${directory}/d/file ${directory}/d/file >/dev/null`;
    await on('n0', read);
    await on('n1', read);
    const counts = await fs.counts();
    for (const { bytes, read, sequential, open } of [counts.n0!, counts.n1!]) {
      assert.is(bytes, 300_000);
      assert.is(sequential, read);
      assert.is(open, 2);
    }
    await fs.end();
  });

  sharedFs('reset lets nodes forget', async () => {
    const { directory, fs } = await furnished();
    await on('n0', `cat ${directory}/d/file >/dev/null`);
    await fs.reset(UNLIMITED);
    assert.is((await fs.counts()).n0!.bytes, 0);
    await on('n0', `cat ${directory}/d/file >/dev/null`);
    assert.is((await fs.counts()).n0!.bytes, 300_000);
    await fs.end();
  });

  sharedFs('nobody can write to it', async () => {
    const { directory, fs } = await furnished();
    const { status } = await cluster().on('n0', ['sh', '-c', `echo x >${directory}/d/new`]);
    assert.is.not(status, 0);
    await fs.end();
  });
} else console.log(`skipped: shared file system: ${excuse}`);

sharedFs.run();
