/**
 * What becomes of a job that loses its root, or whose package changes while it is read: one line
 * for all, a status of its own, nothing left. All jobs at once, each on nodes of its own.
 */
import { truncateSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { suite } from 'uvu';
import { type Cluster, whyNoCluster, withCluster } from './cluster.ts';
import { type Case, HELD, nodesOf, runCases, type SlurmJob } from './slurm-job.ts';

const root = suite('root');
const reason = whyNoCluster({ slurm: true });
const test = reason === undefined ? root : root.skip;
if (reason !== undefined) console.log(`skipped: ${reason}`);

/** Starts a job with a package of its own, and waits until it is on its way to the others. */
async function withPackage(job: SlurmJob, cluster: Cluster, name: string): Promise<string> {
  const file = `${cluster.shared}/${name}`;
  await copyFile(`${cluster.shared}/p.tar`, file);
  await job.start([], undefined, { PYTHON_MPI_PACKAGES: file });
  await job.until(job.nodes[1]!, 'draft-*/big');
  return file;
}

const CASES: Record<string, Case> = {
  'the root never starts': [
    4,
    async (job, cluster) => {
      const [n0, ...others] = job.nodes as [string, ...string[]];
      await job.start(['--timeout', '15'], HELD);
      job.release(others);
      await job.fails(
        /timed out waiting for the secret of this job from n\d+ on n\d+ \[TIMEOUT\]/,
        others,
        75,
        true,
      );
      await cluster.signal(n0, 'SIGKILL', 'start-');
    },
  ],
  'another one never starts': [
    4,
    async (job, cluster) => {
      const [n0, n1, held, n3] = job.nodes as [string, string, string, string];
      await job.start(['--timeout', '40'], HELD);
      job.release([n0, n1, n3]);
      // So that the verdict is not late behind what is on its way.
      await job.struck();
      await job.fails(new RegExp(`: lost node ${held} \\[PEER_LOST\\]$`), [n0, n1, n3]);
      await cluster.signal(held, 'SIGKILL', 'start-');
    },
  ],
  'one that starts long after the others is waited for': [
    4,
    async job => {
      await job.start([], HELD);
      job.release(job.nodes.slice(0, 2));
      await job.struck();
      // Longer than who is reached is waited for, and shorter than who may be on his way.
      await job.until(job.nodes[0]!, 'draft-*');
      setTimeout(() => job.release(job.nodes), LATE_MS);
      await job.works(job.nodes);
    },
  ],
  'the root is killed in the middle': [
    4,
    async (job, cluster) => {
      const [n0, ...others] = job.nodes as [string, ...string[]];
      await job.start([]);
      await job.until(others[2]!, 'draft-*/big');
      await cluster.signal(n0, 'SIGKILL', 'python-mpi\\.cjs');
      await job.fails(new RegExp(`: lost node ${n0} \\[PEER_LOST\\]$`), others);
    },
  ],
  "the root's plug is pulled in the middle": [
    4,
    async (job, cluster) => {
      const [n0, ...others] = job.nodes as [string, ...string[]];
      await job.start([]);
      await job.until(others[2]!, 'draft-*/big');
      await cluster.kill(n0);
      await job.fails(new RegExp(`: lost node ${n0} \\[PEER_LOST\\]$`), others);
    },
  ],
  'the root is killed while Python runs: its own Python goes with it, the others run on': [
    4,
    async (job, cluster) => {
      const [n0, ...others] = job.nodes as [string, ...string[]];
      const go = `${cluster.shared}/go`;
      await job.start([], undefined, { WAIT_FOR: go });
      await job.struck();
      await job.says('begins', job.nodes);
      await cluster.signal(n0, 'SIGKILL', 'bin/python-mpi .*script\\.py');
      while ((await cluster.signal(n0, 'SIGCONT', 'script\\.py')).length > 0);
      writeFileSync(go, '');
      await job.works(others);
    },
  ],
  'the package becomes shorter': [
    4,
    async (job, cluster) => {
      truncateSync(await withPackage(job, cluster, 'shorter.tar'), 1_000_000);
      await job.struck();
      await job.fails(
        /package .*shorter\.tar .* meanwhile on n\d+.*\[CORRUPT_PACKAGE\]$/,
        job.nodes,
        65,
      );
    },
  ],
  'the package is written to': [
    4,
    async (job, cluster) => {
      utimesSync(await withPackage(job, cluster, 'written.tar'), 1, 1);
      await job.struck();
      await job.fails(
        /package .*written\.tar was written to meanwhile on n\d+; .*\[CORRUPT_PACKAGE\]$/,
        job.nodes,
        65,
      );
    },
  ],
  'the package vanishes: it is open, so it is sent': [
    4,
    async (job, cluster) => {
      unlinkSync(await withPackage(job, cluster, 'vanishing.tar'));
      await job.struck();
      await job.works(job.nodes);
    },
  ],
};

/** How long one may be late, in milliseconds: the subject of a case. */
const LATE_MS = Number(process.env.LATE_MS ?? 35_000);

test('roots that are lost, and packages that change', () =>
  withCluster(nodesOf(CASES), cluster => runCases(cluster, CASES), { slurm: true }));

root.run();
