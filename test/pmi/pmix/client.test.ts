import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Deadline } from '../../../src/deadline.ts';
import { PythonMpiError } from '../../../src/errors.ts';
import type { Channel } from '../../../src/pmi/channel.ts';
import { PmixClient } from '../../../src/pmi/pmix/client.ts';
import { frame } from '../../../src/pmi/pmix/codec.ts';
import { Packer } from '../../../src/pmi/pmix/pack.ts';

const INDEX = 9;
const ACCEPTED = Buffer.from('0000000000000009', 'hex');
const soon = () => Deadline.after(60_000);
const status = (code: number) => new Packer().item().signed(code).bytes;

/** A server that answers each request with the next of these bodies; undefined closes. */
function serving(...answers: (Uint8Array | undefined)[]): { channel: Channel; commands: number[] } {
  const chunks: (Uint8Array | undefined)[] = [];
  const commands: number[] = [];
  let greeted = false;
  const channel: Channel = {
    async write(bytes) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      if (!greeted) {
        greeted = true;
        chunks.push(ACCEPTED);
        return;
      }
      assert.is(view.getInt32(0), INDEX);
      commands.push(bytes[17]!);
      const body = answers.shift();
      // A notification comes first: it carries a tag of the server's own.
      chunks.push(frame(INDEX, 0, status(-1)));
      chunks.push(body && frame(INDEX, view.getUint32(4), body));
    },
    read: async () => chunks.shift(),
    unref() {},
    close() {},
  };
  return { channel, commands };
}

function connect(channel: Channel): PmixClient {
  const proc = { namespace: 'job', rank: 0 };
  return new PmixClient(channel, { proc, uid: 0, gid: 0, encoding: 'v41', gds: 'hash' });
}

async function fails(promise: Promise<unknown>, message: RegExp): Promise<void> {
  const error = await promise.then(
    () => undefined,
    thrown => thrown,
  );
  assert.instance(error, PythonMpiError);
  assert.is(error.code, 'LAUNCHER', error.message);
  assert.match(error.message, message);
  assert.ok(error.hint);
}

/** A reply to a get that holds one string. */
function holding(key: string, value: string): Uint8Array {
  const blob = new Packer()
    .item()
    .string('job')
    .unsigned(0)
    .item()
    .string(key)
    .unsigned(3)
    .string(value).bytes;
  return new Packer().item().signed(0).item().unsigned(blob.length).raw(blob).bytes;
}

const client = suite('pmix client');

client('REQ comes before everything else', async () => {
  const { channel, commands } = serving(status(0), status(0), status(0), status(0));
  const pmix = connect(channel);
  await pmix.init(soon());
  await Promise.all([
    pmix.commit(new Map([['k', 'v']]), soon()),
    pmix.fence(soon()),
    pmix.finalize(soon()),
  ]);
  assert.equal(commands, [0, 2, 3, 5]);
});

client('a refused handshake is not tried again', async () => {
  const channel: Channel = {
    ...serving().channel,
    read: async () => Buffer.from('ffffffe700000000', 'hex'),
  };
  const pmix = connect(channel);
  await fails(pmix.init(soon()), /refused the PMIx handshake \(status -25\)/);
  await fails(pmix.fence(soon()), /refused the PMIx handshake/);
});

client('a server that closes is an error at each step', async () => {
  await fails(
    connect({ ...serving().channel, read: async () => undefined }).init(soon()),
    /closed its PMIx connection/,
  );
  await fails(connect(serving().channel).init(soon()), /closed its PMIx connection/);
  const pmix = connect(serving(status(0)).channel);
  await pmix.init(soon());
  await fails(pmix.fence(soon()), /closed its PMIx connection/);
});

client('a value that is late is asked for again', async () => {
  const { channel, commands } = serving(
    status(0),
    status(-46),
    status(-24),
    status(0),
    holding('k', 'v'),
  );
  const pmix = connect(channel);
  await pmix.init(soon());
  assert.is(await pmix.get(0, 'k', soon()), 'v');
  assert.equal(commands, [0, 4, 4, 4, 4]);
});

client('a value that nobody has is not waited for', async () => {
  const pmix = connect(serving(status(0), ...new Array(5).fill(status(-46))).channel);
  await pmix.init(soon());
  assert.is(await pmix.get(0, 'k', soon()), undefined);
});

client('refusals are errors', async () => {
  const refuse = async (ask: (pmix: PmixClient) => Promise<unknown>, message: RegExp) => {
    const pmix = connect(serving(status(0), status(-52)).channel);
    await pmix.init(soon());
    await fails(ask(pmix), message);
  };
  await refuse(pmix => pmix.commit(new Map(), soon()), /refused COMMIT/);
  await refuse(pmix => pmix.get(0, 'k', soon()), /refused a PMIx GET/);
  await refuse(pmix => pmix.jobData(soon()), /no data of the job/);
  await refuse(pmix => pmix.finalize(soon()), /refused FINALIZE/);
});

client('a rank that ended instead of coming to the fence is said to be lost', async () => {
  const pmix = connect(serving(status(0), status(-52)).channel);
  await pmix.init(soon());
  const error = await pmix.fence(soon()).catch(thrown => thrown);
  assert.is(error.code, 'PEER_LOST');
});

client('an abort gets through while a fence hangs', async () => {
  const { channel, commands } = serving(status(0), new Uint8Array(0), status(0));
  let deliver = () => {};
  const pmix = connect({
    ...channel,
    async read() {
      // The fence has no answer: its empty body is none.
      for (;;) {
        const chunk = await channel.read();
        if (chunk !== undefined) return chunk;
        await new Promise<void>(resolve => (deliver = resolve));
      }
    },
    async write(bytes) {
      await channel.write(bytes);
      deliver();
    },
  });
  await pmix.init(soon());
  const fence = pmix.fence(Deadline.after(100)).catch(error => error.code);
  await new Promise(resolve => setImmediate(resolve));
  await pmix.abort(9, soon());
  assert.equal(commands, [0, 3, 1]);
  assert.is(await fence, 'TIMEOUT');
});

client('a job whose ranks are nowhere is an error', async () => {
  for (const [answer, message] of [
    [holding('pmix.nlist', 'n0'), /size of the job/],
    [holding('pmix.job.size', 'two'), /size of the job/],
  ] as const) {
    const pmix = connect(serving(status(0), answer).channel);
    await pmix.init(soon());
    await fails(pmix.jobData(soon()), message);
  }
});

client.run();
