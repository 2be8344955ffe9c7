/**
 * Records what a PMIx server answers: run as every rank of a job of `mpirun`, `prterun` or `srun
 * --mpi=pmix`, it prints the server's version and its answer to GET as a fixture of
 * test/fixtures/pmix/, on rank 0.
 *
 *     mpirun -n 2 --host n0,n1 node test/support/pmix-record.ts > test/fixtures/pmix/5.0.11.hex
 */
import { Deadline } from '../../src/deadline.ts';
import { type Channel, dialPort } from '../../src/pmi/channel.ts';
import { PmixClient } from '../../src/pmi/pmix/client.ts';
import { FrameReader } from '../../src/pmi/pmix/codec.ts';
import { Packer, Unpacker } from '../../src/pmi/pmix/pack.ts';
import { readPair } from '../../src/pmi/pmix/values.ts';

/** Bytes of a value that is left out. */
const LONG = 2000;

const env = process.env as Record<string, string>;
const deadline = Deadline.after(20_000);
const [, address] = /;tcp[46]:\/\/(.+)$/.exec(env.PMIX_SERVER_URI41!)!;
const channel = await dialPort('PMIX_SERVER_URI41', address!, deadline);
const heard: Uint8Array[] = [];
const listening: Channel = {
  write: bytes => channel.write(bytes),
  async read() {
    const bytes = await channel.read();
    if (bytes !== undefined) heard.push(bytes);
    return bytes;
  },
  unref: () => channel.unref(),
  close: () => channel.close(),
};
const client = new PmixClient(listening, {
  proc: { namespace: env.PMIX_NAMESPACE!, rank: Number(env.PMIX_RANK) },
  uid: process.geteuid!(),
  gid: process.getegid!(),
  encoding: 'v41',
  gds: env.PMIX_GDS_MODULE!.split(',')[0]!,
});
await client.init(deadline);
heard.length = 0;
const told = await client.jobData(deadline).catch((error: Error) => error.message);
const reader = new FrameReader();
for (const bytes of heard) reader.push(bytes);
const { body } = reader.next()!;
if (env.PMIX_RANK === '0') {
  const hex = Buffer.from(withoutLongTexts(body))
    .toString('hex')
    .replace(/.{100}/g, '$&\n');
  console.log(`# PMIx ${env.PMIX_VERSION}: ${JSON.stringify(told)}\n${hex}`);
}
await client.fence(deadline);
await client.finalize(deadline);

/** The same answer without what describes the hardware at length, for three fourths of it. */
function withoutLongTexts(answer: Uint8Array): Uint8Array {
  const from = new Unpacker(answer, 'the answer');
  const status = from.item().signed();
  const bytes = from.item().blob();
  const blob = new Unpacker(bytes, 'the answer');
  const kept = new Packer().item().proc(blob.item().proc());
  while (!blob.done) {
    const start = bytes.length - blob.left;
    readPair(blob.item());
    const pair = bytes.subarray(start, bytes.length - blob.left);
    if (pair.length < LONG) kept.raw(pair);
  }
  const { bytes: rest } = kept;
  const whole = new Packer().item().signed(status).item().unsigned(rest.length).raw(rest);
  return whole.raw(answer.subarray(answer.length - from.left)).bytes;
}
