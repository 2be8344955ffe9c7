import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Deadline } from '../../../src/deadline.ts';
import { PythonMpiError } from '../../../src/errors.ts';
import { silent } from '../../../src/log.ts';
import { Pmi1Client } from '../../../src/pmi/pmi1/client.ts';
import { openSession } from '../../../src/pmi/session.ts';
import { type Rig, runJob } from '../../support/pmi-server.ts';
import { answering, type Exchange, replay } from '../../support/recorded.ts';

interface Recording {
  server: string;
  size: number;
  nodes: number[];
  exchange: Exchange;
}

const recordings: Recording[] = JSON.parse(
  readFileSync(new URL('../../fixtures/pmi1-exchanges.json', import.meta.url), 'utf8'),
);

const soon = () => Deadline.after(60_000);
const is = (code: string) => (error: unknown) =>
  error instanceof PythonMpiError && error.code === code;

async function fails(promise: Promise<unknown>, code: string, message: RegExp): Promise<void> {
  const error = await promise.then(
    () => undefined,
    thrown => thrown,
  );
  assert.instance(error, PythonMpiError);
  assert.is(error.code, code, error.message);
  assert.match(error.message, message);
}

const INIT = [
  'cmd=response_to_init pmi_version=1 pmi_subversion=1 rc=0\n',
  'cmd=maxes kvsname_max=256 keylen_max=64 vallen_max=1024\n',
  'cmd=my_kvsname kvsname=kvs\n',
];

async function initialized(...answers: (string | undefined)[]): Promise<Pmi1Client> {
  const client = new Pmi1Client(answering(...INIT, ...answers));
  await client.init(soon());
  return client;
}

const client = suite('pmi1 client');

for (const { server, size, nodes, exchange } of recordings) {
  client(`${server}, as recorded, in pieces of every size`, async () => {
    for (let piece = 1; piece <= 90; piece++) {
      const channel = replay(exchange, piece);
      const pmi1 = new Pmi1Client(channel);
      const handOver = { env: {}, descriptor: undefined, parentMustStay: true };
      const opening = { env: {}, why: '', deadline: soon(), log: silent };
      const { placement, kvs, finish } = await openSession(
        { launcher: 'recorded', client: pmi1, rank: 0, size, handOver },
        opening,
      );
      assert.equal(placement.nodes, nodes);
      await kvs!.put('k', 'v');
      await kvs!.fence();
      assert.is(await kvs!.get('k'), 'v');
      await fails(kvs!.get('nope'), 'LAUNCHER', /no value for 'nope'/);
      await finish({ status: 0, signal: undefined });
      assert.is(channel.sent.length, exchange.length);
    }
  });
}

client('requests made at once go out one at a time', async () => {
  const channel = answering(
    ...INIT,
    'cmd=put_result rc=0\n',
    'cmd=put_result rc=0\n',
    'cmd=barrier_out\n',
  );
  const trace: string[] = [];
  const pmi1 = new Pmi1Client({
    ...channel,
    write: bytes => {
      trace.push('request');
      return channel.write(bytes);
    },
    read: () => {
      trace.push('reply');
      return channel.read();
    },
  });
  await pmi1.init(soon());
  await Promise.all([pmi1.put('a', '1', soon()), pmi1.put('b', '2', soon()), pmi1.fence(soon())]);
  assert.equal(
    trace,
    trace.map((_, at) => (at % 2 === 0 ? 'request' : 'reply')),
  );
  assert.is(trace.length, 12);
});

client('a reply to another request is an error, and so is everything after it', async () => {
  const pmi1 = await initialized('cmd=barrier_out\n');
  await fails(pmi1.get('k', soon()), 'LAUNCHER', /answered 'get' with "cmd=barrier_out"/);
  await fails(pmi1.fence(soon()), 'LAUNCHER', /answered 'get' with "cmd=barrier_out"/);
});

client('a reply sent twice is not taken for the next one', async () => {
  const pmi1 = await initialized('cmd=put_result rc=0\ncmd=put_result rc=0\n');
  await pmi1.put('k', 'v', soon());
  await fails(pmi1.put('l', 'w', soon()), 'LAUNCHER', /unasked/);
});

client('a refusal says what the launcher said', async () => {
  const pmi1 = await initialized('cmd=put_result rc=-1 msg=duplicate_key\n');
  await fails(pmi1.put('k', 'v', soon()), 'LAUNCHER', /refused 'put' \(rc=-1, "duplicate_key"\)/);
});

client('a value that cannot be sent leaves the session as it was', async () => {
  const pmi1 = await initialized('cmd=put_result rc=0\n');
  await fails(pmi1.put('k', 'two words', soon()), 'INTERNAL', /printable word/);
  await pmi1.put('k', 'v', soon());
});

client("the limits are the server's where they are lower than ours", async () => {
  const maxes = 'cmd=maxes kvsname_max=64 keylen_max=8 vallen_max=16\n';
  const pmi1 = new Pmi1Client(answering(INIT[0], maxes, INIT[2], 'cmd=put_result rc=0\n'));
  await pmi1.init(soon());
  await fails(pmi1.put('k', 'v'.repeat(16), soon()), 'INTERNAL', /limits/);
  await fails(pmi1.put('k'.repeat(8), 'v', soon()), 'INTERNAL', /limits/);
  await pmi1.put('k'.repeat(7), 'v'.repeat(15), soon());
});

client('numbers that are none are an error', async () => {
  const maxes = 'cmd=maxes kvsname_max=256 keylen_max=lots vallen_max=1024\n';
  await fails(
    new Pmi1Client(answering(INIT[0], maxes)).init(soon()),
    'LAUNCHER',
    /keylen_max="lots"/,
  );
});

client('over TCP the launcher says who one is', async () => {
  const set = 'cmd=initack\ncmd=set size=2\ncmd=set rank=1\ncmd=set debug=0\n';
  assert.equal(await new Pmi1Client(answering(set)).initack('1', soon()), { rank: 1, size: 2 });
  const short = 'cmd=initack\ncmd=set size=2\ncmd=set debug=0\ncmd=set debug=0\n';
  await fails(new Pmi1Client(answering(short)).initack('1', soon()), 'LAUNCHER', /without rank/);
});

client('no answer of any shape is taken for something else', async () => {
  const answers = [
    '\n',
    '\0\n',
    'hello world\n',
    'cmd=\n',
    'cmd=get_result rc=0\n',
    'cmd=get_result rc=x\n',
    undefined,
  ];
  for (const answer of answers) {
    const pmi1 = await initialized(answer);
    const outcome = await pmi1.get('k', soon()).catch(error => error);
    assert.ok(outcome === undefined || is('LAUNCHER')(outcome), JSON.stringify(answer));
  }
});

const probe = [
  process.execPath,
  fileURLToPath(new URL('../../support/pmi-probe.ts', import.meta.url)),
];

/** What the probe prints. */
interface Said {
  cards: string[];
  error: { code: string; message: string; hint: string };
}

/** What one rank makes of a launcher that bends the reply of this name. */
async function bent(
  reply: string,
  rig: Rig,
  ...args: string[]
): Promise<{ status: number | null; said: Said }> {
  const { ranks } = await runJob({
    command: [...probe, ...args],
    size: 1,
    rig: (line, connection) => (line.startsWith(`cmd=${reply}`) ? rig(line, connection) : line),
  });
  const { status, output } = ranks[0]!;
  return { status, said: JSON.parse(output) };
}

client('over a real socket pair, all goes well', async () => {
  const { ranks, abort } = await runJob({ command: probe, size: 3 });
  assert.is(abort, undefined);
  ranks.forEach(({ status, output }, rank) => {
    assert.is(status, 0);
    const said = JSON.parse(output);
    assert.equal([said.rank, said.size, said.nodes], [rank, 3, [0, 0, 0]]);
    assert.equal(
      said.cards,
      [0, 1, 2].map(peer => `value:of=${peer},x:y`),
    );
  });
});

client(
  'a launcher that never answers is left at the deadline, by a process that can still exit',
  async () => {
    for (const reply of ['response_to_init', 'barrier_out']) {
      const { status, said } = await bent(reply, () => undefined, '--timeout', '500');
      assert.is(status, 75);
      assert.is(said.error.code, 'TIMEOUT');
      assert.ok(said.error.hint);
    }
  },
);

client('a launcher that closes is an error at once', async () => {
  for (const reply of ['response_to_init', 'put_result', 'barrier_out', 'get_result']) {
    const { status, said } = await bent(reply, (_, connection) => void connection.destroy());
    assert.is(status, 78);
    assert.is(said.error.code, 'LAUNCHER');
    assert.match(said.error.message, /closed its PMI connection|lost the launcher/);
    assert.ok(said.error.hint);
  }
});

client('a launcher that sends garbage is an error', async () => {
  for (const garbage of [
    '\xff\xfe\n',
    '   16cmd=finalize-response;rc=0;\n',
    `${'x'.repeat(10_000)}\n`,
  ]) {
    const { status, said } = await bent('put_result', () => garbage);
    assert.is(status, 78);
    assert.is(said.error.code, 'LAUNCHER');
  }
});

client('a reply late and in pieces is a reply', async () => {
  const { status, said } = await bent('get_result', (line, connection) => {
    connection.write(line.slice(0, 5));
    setImmediate(() => connection.write(line.slice(5)));
    return undefined;
  });
  assert.is(status, 0);
  assert.equal(said.cards, ['value:of=0,x:y']);
});

client('a launcher that closes in answer to the end is no error', async () => {
  const { status } = await bent('finalize_ack', (_, connection) => void connection.destroy());
  assert.is(status, 0);
});

client.run();
