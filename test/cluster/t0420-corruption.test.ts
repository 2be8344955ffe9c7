/**
 * A bit that is turned between two nodes, in the real stream of a real job: it is noticed, sent
 * again, counted, and what arrives is what was sent. And a package that is corrupt where it lies is
 * named, with its digest.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { pause } from '../../src/deadline.ts';
import { PROJECT, whyNoCluster, withCluster } from './cluster.ts';
import { HELD, SlurmJob, supply } from './slurm-job.ts';

const corruption = suite('corruption');
const reason = whyNoCluster({ slurm: true });
const test = reason === undefined ? corruption : corruption.skip;
if (reason !== undefined) console.log(`skipped: ${reason}`);

const PROXY = `${PROJECT}/test/support/flipping-proxy.ts`;
/** For n1, n0 is where the proxy is. */
const ASTRAY =
  'sed "s/^10.77.0.1 n0$/10.77.0.254 n0/" /etc/hosts >hosts && mount --bind hosts /etc/hosts';

test('a bit that flips on the way is noticed, asked for again and counted', () =>
  withCluster(
    4,
    async cluster => {
      const job = new SlurmJob(cluster, cluster.nodes, await supply(cluster));
      assert.is((await cluster.on('n1', ['sh', '-c', ASTRAY])).status, 0);
      const idle = await cluster.ports('n0');
      await job.start(['--verbose'], HELD, { PYTHON_MPI_SECRET: 'the secret of this test' });
      job.release(['n0']);
      let port: string | undefined;
      while (port === undefined) {
        await pause(50);
        port = (await cluster.ports('n0')).find(other => !idle.includes(other));
      }
      const proxy = cluster.startOn('head', [
        process.execPath,
        PROXY,
        port,
        '10.77.0.1',
        '9000000',
      ]);
      await proxy.says('listening');
      await job.struck();
      job.release(['n1', 'n2', 'n3']);
      await proxy.says('flipped');
      const { stderr } = await job.works(cluster.nodes);
      assert.match(stderr, /n1\/1: lost the link to \S+: a record did not verify\n/);
      assert.match(stderr, /n1\/1: ready: 4 nodes, .* 1 resumed, 1 corrupt\n/);
      assert.is(stderr.match(/ 0 corrupt\n/g)?.length, 3, stderr);
      await proxy.signal('SIGTERM');
      await proxy.ended;
      assert.equal(await cluster.leftovers(), []);
    },
    { slurm: true },
  ));

test('a package that is corrupt on disk is named with its digest', () =>
  withCluster(2, async cluster => {
    const pack = 'head -c 3000000 /dev/urandom >big && tar -czf p.tar.gz big';
    assert.is((await cluster.on('head', ['sh', '-ec', pack])).status, 0);
    const file = `${cluster.shared}/p.tar.gz`;
    const bytes = readFileSync(file);
    bytes[2_000_000]! ^= 0x10;
    writeFileSync(file, bytes);
    const digest = createHash('sha256').update(bytes).digest('hex');
    const { status, stderr } = await cluster.run(
      'hydra',
      ['-n', '2', '-ppn', '1', `${PROJECT}/bin/python-mpi`, '-c', ''],
      { env: { PYTHON_MPI_PACKAGES: file } },
    );
    assert.is(status, 65, stderr);
    const told = stderr.match(/^python-mpi: .*$/gm);
    assert.is(told?.length, 1, stderr);
    assert.match(told![0]!, new RegExp(`p\\.tar\\.gz is corrupt: .* \\(SHA-256 ${digest}\\) on n`));
    assert.equal(await cluster.leftovers(), []);
  }));

corruption.run();
