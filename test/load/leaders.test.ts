/**
 * Many node leaders as real connections on one machine: all of them meet, prove themselves, form
 * the tree and are staged, and the root's memory and descriptors stay within bounds. `make load`
 * has 1,024 of them.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { scratch } from '../support/scratch.ts';

const LEADERS = Number(process.env.LEADERS ?? 256);
/**
 * Leaders in one process: each has descriptors, and an engine whose memory is reserved in
 * gigabytes.
 */
const TOGETHER = 128;
const BYTES = 1_000_000;
/**
 * What the first leader may take: it serves the store to all others, and to as many strangers as
 * there may be.
 */
const ROOT_MEGABYTES = 250;

interface Summary {
  verdicts: string[];
  digests: string[];
  bytesOut: number;
  most: number;
  megabytes: number;
  descriptors: number;
  cpuSeconds: number;
}

const program = fileURLToPath(new URL('../support/leaders.ts', import.meta.url));

async function lead(first: number, count: number, directory: string): Promise<Summary> {
  const args = [program, first, count, LEADERS, directory, BYTES].map(String);
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', data => (output += data));
  const [status] = await once(child, 'close');
  assert.is(status, 0);
  return JSON.parse(output);
}

const load = suite('load');

load(`${LEADERS} leaders`, async () => {
  const directory = scratch();
  const jobs = [lead(0, 1, directory)];
  for (let first = 1; first < LEADERS; first += TOGETHER)
    jobs.push(lead(first, Math.min(TOGETHER, LEADERS - first), directory));
  const [root, ...others] = (await Promise.all(jobs)) as [Summary, ...Summary[]];
  for (const { verdicts, digests } of [root, ...others]) {
    assert.equal(verdicts, [`{"ready":{"ready":${LEADERS},"reused":0,"lost":0}}`]);
    assert.equal(digests, root.digests);
  }
  const [cpu, bytes] = [root, ...others].reduce(
    ([seconds, sum], each) => [seconds + each.cpuSeconds, sum + each.bytesOut],
    [0, 0],
  );
  console.log(
    `${LEADERS} leaders: root ${root.megabytes} MB, ${root.descriptors} descriptors; at most ` +
      `${(Math.max(...[root, ...others].map(each => each.most)) / BYTES).toFixed(1)} copies sent by one, ` +
      `${(bytes / BYTES / (LEADERS - 1)).toFixed(3)} per leader; ${cpu.toFixed(1)} s of CPU in all`,
  );
  assert.ok(root.megabytes < ROOT_MEGABYTES, `${root.megabytes} MB`);
  // One for each rank at its store, and its own.
  assert.ok(root.descriptors < LEADERS + 100, `${root.descriptors} descriptors`);
  // A binomial tree, and no leader moved: every leader but the root receives the stream once.
  assert.ok(bytes < 1.2 * BYTES * (LEADERS - 1), `${bytes} bytes`);
});

load.run();
