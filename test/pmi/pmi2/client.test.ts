import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Deadline } from '../../../src/deadline.ts';
import { PythonMpiError } from '../../../src/errors.ts';
import { silent } from '../../../src/log.ts';
import { Pmi2Client } from '../../../src/pmi/pmi2/client.ts';
import { openSession } from '../../../src/pmi/session.ts';
import { answering, type Exchange, replay } from '../../support/recorded.ts';

interface Recording {
  server: string;
  size: number;
  nodes: number[];
  jobId: string;
  exchange: Exchange;
}

const recordings: Recording[] = JSON.parse(
  readFileSync(new URL('../../fixtures/pmi2-exchanges.json', import.meta.url), 'utf8'),
);

const soon = () => Deadline.after(60_000);

async function fails(promise: Promise<unknown>, code: string, message: RegExp): Promise<void> {
  const error = await promise.then(
    () => undefined,
    thrown => thrown,
  );
  assert.instance(error, PythonMpiError);
  assert.is(error.code, code, error.message);
  assert.match(error.toLine(), message);
}

const framed = (body: string) => `${String(body.length).padStart(6)}${body}`;
const INIT = 'cmd=response_to_init pmi_version=2 pmi_subversion=0 rc=0\n';
const FULL = framed('cmd=fullinit-response;rank=0;size=2;rc=0;');
const JOB = framed('cmd=job-getid-response;jobid=j;rc=0;');
const CLAIM = { rank: 0, size: 2, jobId: '0', isBilingual: true };

async function initialized(...answers: (string | undefined)[]): Promise<Pmi2Client> {
  const client = new Pmi2Client(answering(INIT, FULL, JOB, ...answers), CLAIM);
  await client.init(soon());
  return client;
}

const client = suite('pmi2 client');

for (const { server, size, nodes, jobId, exchange } of recordings) {
  client(`${server}, as recorded, in pieces of every size`, async () => {
    for (let piece = 1; piece <= 120; piece++) {
      const channel = replay(exchange, piece);
      const pmi2 = new Pmi2Client(channel, { rank: 0, size, jobId, isBilingual: true });
      const handOver = { env: {}, descriptor: undefined, parentMustStay: true };
      const opening = { env: {}, why: '', deadline: soon(), log: silent };
      const { placement, kvs, finish } = await openSession(
        { launcher: 'recorded', client: pmi2, rank: 0, size, handOver },
        opening,
      );
      assert.equal(placement.nodes, nodes);
      await kvs!.put('k', 'v=0|x:y,z');
      await kvs!.fence();
      assert.is(await kvs!.get('k'), 'v=0|x:y,z');
      await fails(kvs!.get('nope'), 'LAUNCHER', /no value for 'nope'/);
      await finish({ status: 0, signal: undefined });
      assert.is(channel.sent.length, exchange.length);
    }
  });
}

client('a server of version 1 is told apart, and what to do', async () => {
  // As Flux answers.
  const flux = 'cmd=response_to_init rc=0 pmi_version=1 pmi_subversion=1\n';
  for (const hello of [flux, 'cmd=response_to_init rc=-1 pmi_version=1 pmi_subversion=1\n']) {
    const pmi2 = new Pmi2Client(answering(hello), CLAIM);
    await fails(pmi2.init(soon()), 'LAUNCHER', /speaks version 1 .*PYTHON_MPI_LAUNCHER=hydra/);
  }
});

client('a server that means another rank or another size is refused', async () => {
  for (const [rank, size] of [
    [1, 2],
    [0, 3],
  ]) {
    const other = framed(`cmd=fullinit-response;rank=${rank};size=${size};rc=0;`);
    const pmi2 = new Pmi2Client(answering(INIT, other), CLAIM);
    const said = new RegExp(`says rank ${rank} of ${size}, and PMI_RANK .* rank 0 of 2`);
    await fails(pmi2.init(soon()), 'LAUNCHER', said);
  }
});

client('no answer of any shape is taken for something else', async () => {
  const answers: [answer: string | undefined, message: RegExp][] = [
    ['cmd=get_result rc=0 value=v\n', /not a PMI-2 message/],
    [framed('cmd=kvs-put-response;rc=0;'), /answered 'kvs-get' with "cmd=kvs-put-response/],
    [framed('cmd=kvs-get-response;rc=0;'), /answered 'kvs-get' without found/],
    [framed('cmd=kvs-get-response;rc=0;found=TRUE;'), /answered 'kvs-get' without value/],
    [framed('cmd=kvs-get-response;rc=0;found=MAYBE;'), /found="MAYBE"/],
    [framed('cmd=kvs-get-response;rc=14;errmsg=no_such;'), /rc=14, "no_such"/],
    [framed('garbage'), /not a PMI-2 message/],
    [undefined, /closed its PMI connection instead of answering 'kvs-get'/],
  ];
  for (const [answer, message] of answers) {
    const pmi2 = await initialized(answer);
    await fails(pmi2.get('k', soon()), 'LAUNCHER', message);
  }
});

client('a value that cannot be sent leaves the session as it was', async () => {
  const pmi2 = await initialized(framed('cmd=kvs-put-response;rc=0;'));
  await fails(pmi2.put('k', 'a;b', soon()), 'INTERNAL', /printable word/);
  await pmi2.put('k', 'v', soon());
});

client('an abort has its status where the server takes version 1 of it', async () => {
  for (const [isBilingual, words] of [
    [true, 'cmd=abort exitcode=7\n'],
    [false, '    36cmd=abort;isworld=TRUE;msg=status-7;'],
  ] as const) {
    const channel = answering(INIT, FULL, JOB);
    const pmi2 = new Pmi2Client(channel, { ...CLAIM, isBilingual });
    await pmi2.init(soon());
    await pmi2.abort(7);
    assert.is(channel.sent.at(-1), words);
  }
});

client.run();
