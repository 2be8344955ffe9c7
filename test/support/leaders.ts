/**
 * Many node leaders of one job in one process, each with the product's own store, meeting,
 * leadership, driver and links; only unpacking is left out. They meet by a rendezvous file, as
 * under aprun, and hash what they receive.
 *
 *     node leaders.ts FIRST COUNT SIZE DIRECTORY BYTES
 *
 * Leads positions FIRST to FIRST + COUNT - 1 of SIZE, and prints one line of JSON: what became of
 * them, and what it took.
 */
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { Deadline } from '../../src/deadline.ts';
import { Leadership } from '../../src/launch/leadership.ts';
import { encodeFailure, encodePlan } from '../../src/launch/plan.ts';
import { chooseRendezvous } from '../../src/launch/rendezvous/choose.ts';
import { withKvs } from '../../src/launch/rendezvous/kvs-server.ts';
import { nodeMapOf } from '../../src/launch/rendezvous/node-map.ts';
import { silent } from '../../src/log.ts';
import { TREE } from '../../src/net/handshake.ts';
import type { LauncherSession } from '../../src/pmi/launcher.ts';
import { RendezvousFile } from '../../src/pmi/rendezvous-file.ts';

const [first, count, size, bytes] = [2, 3, 4, 6].map(at => Number(process.argv[at])) as [
  number,
  number,
  number,
  number,
];
const directory = process.argv[5]!;
const deadline = Deadline.after(150_000);

/** What is broadcast: a pattern that no two places share. */
function payload(offset: number, into: Uint8Array): void {
  for (let i = 0; i < into.length; i++) into[i] = (offset + i) * 2654435761;
}

function placed(rank: number): LauncherSession {
  return {
    launcher: 'load',
    why: 'a test',
    placement: { rank, size, nodes: undefined },
    kvs: undefined,
    jobId: 'load',
    rendezvousFile: new RendezvousFile(directory, 'load'),
    handOver: { env: {}, descriptor: undefined, parentMustStay: false },
    async settle() {},
    async finish() {},
    async abort() {},
  };
}

interface Ended {
  verdict: string;
  sha256: string;
  bytesIn: number;
  bytesOut: number;
}

async function lead(rank: number): Promise<Ended> {
  const reach = { interface: 'lo' };
  const session = await withKvs(placed(rank), { reach, deadline, log: silent });
  const nodeMap = nodeMapOf(session.placement);
  const rendezvous = chooseRendezvous(session, nodeMap, { env: {}, reach, deadline, log: silent });
  const leadership = await Leadership.take(rendezvous, nodeMap, deadline, silent);
  const hash = createHash('sha256');
  let received = 0;
  const complete = Promise.withResolvers<void>();
  const answer = { says: 'needed', staged: complete.promise } as const;
  const driver = leadership.join(TREE, {
    announced: async () => answer,
    read: async (_package, offset, into) => payload(offset, into),
    deliver(part) {
      hash.update(part);
      received += part.length;
      if (received === bytes) complete.resolve();
      return undefined;
    },
    encode: encodeFailure,
  });
  if (rank === 0) {
    const plan = encodePlan({ packages: [] }, leadership.secret);
    driver.announce([bytes], plan, answer);
  }
  const verdict = await driver.verdict;
  await leadership.conclude();
  const { bytesIn, bytesOut } = driver.statistics;
  await session.settle();
  return { verdict: JSON.stringify(verdict), sha256: hash.digest('hex'), bytesIn, bytesOut };
}

let descriptors = 0;
const watch = setInterval(() => {
  descriptors = Math.max(descriptors, readdirSync('/proc/self/fd').length);
}, 50);
const ended = await Promise.all(Array.from({ length: count }, (_, i) => lead(first + i)));
clearInterval(watch);

const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
const summary = {
  verdicts: [...new Set(ended.map(each => each.verdict))],
  digests: [...new Set(ended.map(each => each.sha256))],
  bytesOut: ended.reduce((sum, each) => sum + each.bytesOut, 0),
  most: Math.max(...ended.map(each => each.bytesOut)),
  megabytes: Math.round(maxRSS / 1000),
  descriptors,
  cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
};
process.stdout.write(`${JSON.stringify(summary)}\n`, () => process.exit(0));
