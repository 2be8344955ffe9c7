/**
 * One node's part in a broadcast from the root's memory to a file on every other node: the
 * product's meeting, links and engine, without packages. What bcast.ts measures.
 *
 *     bcast-node MIB FILE      the root prints the seconds from the moment all are there until all have the file
 */
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { Deadline, now } from '../src/deadline.ts';
import { encodeFailure } from '../src/launch/plan.ts';
import { silent } from '../src/log.ts';
import { publishableAddresses } from '../src/net/addresses.ts';
import { decodeCard, encodeCard } from '../src/net/card.ts';
import { Driver } from '../src/net/driver.ts';
import { TREE } from '../src/net/handshake.ts';
import { Listener } from '../src/net/listener.ts';
import { SUCCESS } from '../src/outcome.ts';
import { detect } from '../src/pmi/detect.ts';

const size = Number(process.argv[2]) * 2 ** 20;
const file = process.argv[3]!;
const deadline = Deadline.after(60_000);
const session = await detect(process.env, silent, undefined).open(deadline);
const { rank, size: count } = session.placement;
const kvs = session.kvs!;
const root = rank === 0;
const memory = Buffer.alloc(root ? size : 0, 'x');
const output = root ? undefined : openSync(file, 'w');

const listener = new Listener(link => driver.adopt(link));
const port = await listener.tcp();
const endpoints = (await publishableAddresses(undefined)).map(host => ({ host, port }));
await kvs.put(`card.${rank}`, encodeCard({ host: hostname(), endpoints, local: '' }));
if (root) await kvs.put('secret', randomBytes(32).toString('hex'));
await kvs.fence();
const secret = Buffer.from(await kvs.get('secret'), 'hex');

let received = 0;
const complete = Promise.withResolvers<void>();
const start = now();
const driver = new Driver({
  kind: TREE,
  position: rank,
  count,
  secret,
  deadline,
  log: silent,
  cardOf: async position => decodeCard(await kvs.get(`card.${position}`, position)),
  stager: {
    announced: async () => ({ says: 'needed', staged: complete.promise }),
    read: async (_package, offset, into) => into.set(memory.subarray(offset, offset + into.length)),
    deliver(bytes) {
      writeSync(output!, bytes);
      received += bytes.length;
      if (received === size) complete.resolve();
      return undefined;
    },
    encode: encodeFailure,
  },
});
listener.admit(secret);
driver.start();
if (root) driver.announce([size], Buffer.alloc(0), { says: 'held' });

const verdict = await driver.verdict;
if (root) console.log((now() - start) / 1000);
await driver.done;
driver.close();
listener.close();
if (output !== undefined) closeSync(output);
await session.settle();
await session.finish(SUCCESS);
process.exitCode = 'failure' in verdict ? 1 : 0;
