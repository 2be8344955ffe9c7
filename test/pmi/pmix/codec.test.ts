/** Messages as libpmix 4.2.2 and its servers put them on the wire. */
import { readdirSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PythonMpiError } from '../../../src/errors.ts';
import {
  abortBody,
  commitBody,
  FrameReader,
  fenceBody,
  finalizeBody,
  frame,
  getBody,
  handshake,
  parseFound,
  parseStatus,
  reqBody,
} from '../../../src/pmi/pmix/codec.ts';
import { Packer, Unpacker } from '../../../src/pmi/pmix/pack.ts';
import { readPair } from '../../../src/pmi/pmix/values.ts';

/** Bytes of a recording: hex words and "text"s, the latter with their NUL. */
function recorded(text: string): string {
  return text
    .replace(/"([^"]*)"/g, (_, word: string) => Buffer.from(`${word}\0`).toString('hex'))
    .replace(/\s+/g, '');
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const bytes = (text: string) => new Uint8Array(Buffer.from(recorded(text), 'hex'));
const declared = (error: unknown) => error instanceof PythonMpiError && error.code === 'LAUNCHER';

/**
 * What servers answered to GET, by their versions, as test/support/pmix-record.ts writes it down.
 */
const FIXTURES = new URL('../../fixtures/pmix/', import.meta.url);
const answers = readdirSync(FIXTURES).map(name => ({
  version: name.replace('.hex', ''),
  body: bytes(readFileSync(new URL(name, FIXTURES), 'utf8').replace(/#.*/g, '')),
}));

const codec = suite('pmix codec');

codec('the handshake', () => {
  const sent = handshake({
    proc: { namespace: 'slurm.pmix.318.0', rank: 0 },
    uid: 0,
    gid: 0,
    encoding: 'v41',
    gds: 'ds21',
  });
  assert.is(
    hex(sent),
    recorded(`ffffffff ffffffff 39000000 00000000
      "native" 00000008 00000000 00000000 00 "slurm.pmix.318.0" 00000000 "4.2.2" "v41" 01 "ds21"`),
  );
});

codec('ids are in host order, the rank is not', () => {
  const sent = hex(
    handshake({
      proc: { namespace: 'n', rank: 258 },
      uid: 1000,
      gid: 513,
      encoding: 'v4',
      gds: 'hash',
    }),
  );
  assert.match(sent, recorded('00000008 e8030000 01020000 00 "n" 00000102'));
});

codec('requests', () => {
  const slurm26 = { namespace: 'slurm.pmix.26.0', rank: 0 };
  const slurm27 = { namespace: 'slurm.pmix.27.0', rank: 0 };
  const card = new Map([['app.addr', '10.1.2.3:99']]);
  assert.is(hex(reqBody()), '0200');
  assert.is(
    hex(commitBody(card)),
    recorded('0202 0203 02 01 19 02 12 "app.addr" 03 18 "10.1.2.3:99"'),
  );
  assert.is(
    hex(fenceBody(slurm26.namespace)),
    recorded('0203 0201 02 20 "slurm.pmix.26.0" feffffff0f 0201 02 1a "pmix.collect" 00 01 01'),
  );
  assert.is(
    hex(getBody(slurm27, 'x.addr')),
    recorded('0204 02 20 "slurm.pmix.27.0" 0200 0200 02 0e "x.addr"'),
  );
  assert.is(hex(getBody(slurm27)), recorded('0204 02 20 "slurm.pmix.27.0" 0200 0200'));
  assert.is(hex(abortBody(7, 'm')), recorded('0201 02 0e 02 04 "m" 0200'));
  assert.is(hex(finalizeBody()), '0205');
});

codec('replies', () => {
  assert.is(parseStatus(bytes('0200'), 'the answer'), 0);
  assert.is(parseStatus(bytes('025b'), 'the answer'), -46);
  const reply = '0200 02 2a 02 20 "slurm.pmix.27.0" 00 02 0e "x.addr" 03 18 "10.1.2.3:99"';
  assert.equal(parseFound(bytes(reply)), {
    status: 0,
    found: [{ key: 'x.addr', value: '10.1.2.3:99' }],
  });
  assert.equal(parseFound(bytes('022f')), { status: -24, found: [] });
  // "Look in shared memory."
  assert.equal(parseFound(bytes('0200 0200')), { status: 0, found: [] });
});

for (const { version, body } of answers) {
  codec(`the data of a job, as the server of PMIx ${version} sent it`, () => {
    const { found } = parseFound(body);
    const ranks = found.filter(({ key }) => key === 'pmix.pdata');
    const size = found.find(({ key }) => key === 'pmix.job.size')?.value;
    assert.ok(typeof size === 'number' && size > 1);
    assert.is(ranks.length, size);
    const told = ranks.map(({ value }) => value as { key: string; value: unknown }[]);
    assert.equal(
      told.map(data => data[0]),
      told.map((_, rank) => ({ key: 'pmix.rank', value: rank })),
    );
    const hosts = told.map(data => data.find(({ key }) => key === 'pmix.hname')?.value);
    assert.ok(hosts.every(host => typeof host === 'string' && host.length > 0));
  });

  codec(`a reply of PMIx ${version} cut short anywhere is one declared error`, () => {
    // The status alone is a reply too.
    const status = 2;
    for (let end = 0; end < body.length; end++) {
      if (end !== status) assert.throws(() => parseFound(body.subarray(0, end)), declared);
    }
  });

  codec(`a reply of PMIx ${version} with any byte changed is read or refused`, () => {
    for (let at = 0; at < body.length; at++) {
      for (const value of [0, 0x7f, 0x80, 0xff]) {
        const changed = body.slice();
        changed[at] = value;
        try {
          parseFound(changed);
        } catch (error) {
          assert.ok(declared(error), String(error));
        }
      }
    }
  });
}

codec('values nested without end are refused', () => {
  const nested = new Packer().string('k');
  for (let depth = 0; depth < 100_000; depth++) nested.unsigned(21);
  assert.throws(() => readPair(new Unpacker(nested.bytes, 'it')), declared);
});

codec('integers keep their value', () => {
  for (const value of [0, 1, 63, 64, 127, 128, 300, 2 ** 31 - 1, 0xffff_fffe, 0xffff_ffff])
    assert.is(new Unpacker(new Packer().unsigned(value).bytes, 'it').unsigned(), value);
  for (const value of [0, -1, 1, -46, 63, -64, -65, 2 ** 31 - 1, -(2 ** 31)])
    assert.is(new Unpacker(new Packer().signed(value).bytes, 'it').signed(), value);
  // Of 64 bits the ninth byte carries eight.
  assert.is(new Unpacker(bytes('ffffffffffffffff ff'), 'it').unsigned(), 2 ** 64);
  assert.is(new Unpacker(bytes('808080808080808001'), 'it').unsigned(), 2 ** 56);
});

codec('messages come out the same at every split', () => {
  const stream = Buffer.concat([
    bytes('00000000 00000005'),
    frame(5, 101, bytes('0200')),
    frame(5, 0, bytes('')),
    frame(5, 102, bytes('025b')),
  ]);
  for (let at = 0; at <= stream.length; at++) {
    const reader = new FrameReader();
    const seen: string[] = [];
    let accepted: { status: number; index: number } | undefined;
    for (const piece of [stream.subarray(0, at), stream.subarray(at)]) {
      reader.push(piece);
      accepted ??= reader.accepted();
      if (!accepted) continue;
      for (let got = reader.next(); got; got = reader.next())
        seen.push(`${got.tag} ${hex(got.body)}`);
    }
    assert.equal(accepted, { status: 0, index: 5 });
    assert.equal(seen, ['101 0200', '0 ', '102 025b']);
  }
});

codec.run();
