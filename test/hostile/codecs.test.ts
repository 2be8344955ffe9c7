/**
 * Any bytes into every codec: success, or an error that the codec declares. The bytes are made from
 * a seed, most of them from something that is right and has been spoiled a little.
 */
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type ErrorCode, PythonMpiError } from '../../src/errors.ts';
import {
  decodeFailure,
  decodePlan,
  decodeVerdict,
  encodeFailure,
  encodePlan,
  isPlan,
} from '../../src/launch/plan.ts';
import { decodeCard, encodeCard } from '../../src/net/card.ts';
import {
  ClientHandshake,
  HELLO_BYTES,
  readSecret,
  ServerHandshake,
  TREE,
} from '../../src/net/handshake.ts';
import { parseApinfo } from '../../src/pmi/launchers/apinfo.ts';
import { expandCounts, expandHostlist } from '../../src/pmi/launchers/hostlist.ts';
import { nodesOfMapping } from '../../src/pmi/mapping.ts';
import { LineReader, parseLine } from '../../src/pmi/pmi1/codec.ts';
import { Pmi1Server } from '../../src/pmi/pmi1/server.ts';
import { FrameReader, frame, parseFound, parseStatus } from '../../src/pmi/pmix/codec.ts';
import { TarReader } from '../../src/tar/read.ts';
import { Random } from '../support/random.ts';
import { archive, gnuLong, pax } from '../support/tar-builder.ts';

const ROUNDS = 1000;
const SECRET = Buffer.alloc(32, 1);

/**
 * What work returns, or undefined for an error with one of these codes; any other error is a fault.
 */
function orDeclared<T>(codes: readonly ErrorCode[], work: () => T, about: unknown): T | undefined {
  try {
    return work();
  } catch (error) {
    const isOurs = error instanceof PythonMpiError && codes.includes(error.code);
    if (!isOurs) throw new Error(`${JSON.stringify(about)}`, { cause: error });
    assert.match(error.toLine(), /^[^\x00-\x1f\x7f-\x9f]{1,700}$/);
    return undefined;
  }
}

const codecs = suite('any bytes');

/** A test of many rounds, each with numbers of its own. */
function property(name: string, rounds: number, check: (random: Random) => void): void {
  codecs(`${name} (${rounds} times)`, () => {
    for (let seed = 1; seed <= rounds; seed++) {
      try {
        check(new Random(seed * 2654435761));
      } catch (error) {
        throw new Error(`seed ${seed}: ${error}`, { cause: error });
      }
    }
  });
}

property('hello and proof', ROUNDS, random => {
  const { hello } = new ClientHandshake(SECRET, { kind: TREE, from: 1, to: 0 });
  const said = random.of([
    () => random.bytes(HELLO_BYTES),
    () => Buffer.concat([random.near(hello), random.bytes(HELLO_BYTES)]).subarray(0, HELLO_BYTES),
  ])();
  const server = orDeclared(['AUTHENTICATION'], () => new ServerHandshake(SECRET, said), said);
  if (server === undefined) return;
  const verified = orDeclared(['AUTHENTICATION'], () => server.verify(random.bytes(32)) ?? true, 0);
  assert.is(verified, undefined);
});

property('challenge', ROUNDS, random => {
  const client = new ClientHandshake(SECRET, { kind: TREE, from: 1, to: 0 });
  const { challenge } = new ServerHandshake(SECRET, client.hello);
  const near = Buffer.concat([random.near(challenge), random.bytes(48)]).subarray(0, 48);
  if (near.equals(challenge)) return;
  assert.throws(
    () => client.prove(near),
    (error: PythonMpiError) => error.code === 'AUTHENTICATION',
  );
});

property('secret', ROUNDS, random => {
  const text = random.text(['00', 'ff', '0', 'g', ' ', 'ab'.repeat(15), 'ab'.repeat(32)], 5);
  const secret = orDeclared(['AUTHENTICATION'], () => readSecret(text), text);
  assert.is(secret === undefined, !/^[0-9a-f]{64}$/.test(text));
});

property('business card', ROUNDS, random => {
  const card = {
    host: 'n0',
    endpoints: [
      { host: '10.0.0.1', port: 5 },
      { host: 'fe80::1', port: 6 },
    ],
    local: 'x',
  };
  const text = random.of([
    () => random.near(Buffer.from(encodeCard(card))).toString('latin1'),
    () => random.text(['1', '|', ',', ':', 'a', '65536', '0', '1.5', '-1', '1e3', ' ', '\n'], 20),
  ])();
  const read = orDeclared(['PROTOCOL'], () => decodeCard(text), text);
  for (const { port } of read?.endpoints ?? [])
    assert.ok(Number.isInteger(port) && port > 0 && port < 65536);
});

const PMI1 = [
  'cmd=response_to_init pmi_version=1 pmi_subversion=1 rc=0\n',
  'cmd=maxes kvsname_max=256 keylen_max=64 vallen_max=1024\n',
  'cmd=get_result rc=0 msg=success value=v\n',
  'cmd=put kvsname=k key=a value=b\n',
  'mcmd=spawn\nnprocs=1\nendcmd\n',
  'cmd=barrier_in\n',
  'cmd=abort exitcode=7\n',
  'cmd=finalize\n',
];

/** Many lines, or nearly, or one without end. */
function pmi1Bytes(random: Random): Buffer {
  return random.of([
    () => random.bytes(random.below(300)),
    () => random.near(Buffer.from(random.text(PMI1, 6))),
    () => Buffer.alloc(random.of([50, 5000]), random.of(['x', '\n', '=', 'cmd= ', ' '])),
  ])();
}

property('PMI-1 lines', ROUNDS, random => {
  const bytes = pmi1Bytes(random);
  const read = (pieces: Buffer[]) =>
    orDeclared(
      ['LAUNCHER'],
      () => {
        const reader = new LineReader();
        return pieces.flatMap(piece => reader.push(piece));
      },
      bytes.length,
    );
  const lines = read([bytes]);
  const cut = random.below(bytes.length + 1);
  const again = read([bytes.subarray(0, cut), bytes.subarray(cut)]);
  if (lines !== undefined && again !== undefined) assert.equal(again, lines);
  for (const line of lines ?? []) orDeclared(['LAUNCHER'], () => parseLine(line), line);
});

codecs('a PMI-1 line without end, and 200,000 lines at once', () => {
  assert.is(new LineReader().push(Buffer.alloc(200_000, '\n')).length, 200_000);
  const endless = () => new LineReader().push(Buffer.alloc(200_000, 'x'));
  assert.is(orDeclared(['LAUNCHER'], endless, 'endless'), undefined);
});

property('the built-in PMI-1 server', ROUNDS, random => {
  const server = new Pmi1Server(3, '');
  for (let i = 0; i < 5; i++) {
    const { replies } = server.feed(random.below(3), pmi1Bytes(random));
    for (const { line } of replies) assert.match(line, /^cmd=[^\n]*\n$/);
    if (random.below(10) === 0) server.closed(random.below(3));
  }
});

const jobData = Buffer.from(
  readFileSync(new URL('../fixtures/pmix/4.2.2.hex', import.meta.url), 'utf8').replace(
    /\s|#.*/g,
    '',
  ),
  'hex',
);

property('PMIx bodies', ROUNDS, random => {
  const bytes = random.of([() => random.near(jobData), () => random.bytes(random.below(80))])();
  orDeclared(['LAUNCHER'], () => parseStatus(bytes, 'the answer'), 'status');
  const found = orDeclared(['LAUNCHER'], () => parseFound(bytes), 'found')?.found ?? [];
  assert.ok(found.length <= bytes.length);
});

property('PMIx frames', ROUNDS, random => {
  const whole = Buffer.concat(
    Array.from({ length: random.below(4) }, () =>
      frame(1, random.below(200), random.bytes(random.below(60))),
    ),
  );
  const bytes = random.below(2) === 0 ? whole : random.near(whole);
  const read = (pieces: Buffer[]) =>
    orDeclared(
      ['LAUNCHER'],
      () => {
        const reader = new FrameReader();
        const frames: unknown[] = [];
        for (const piece of pieces) {
          reader.push(piece);
          for (let got = reader.next(); got; got = reader.next())
            frames.push([got.tag, Buffer.from(got.body).toString('hex')]);
        }
        return frames;
      },
      bytes,
    );
  const single = Array.from({ length: bytes.length }, (_, at) => bytes.subarray(at, at + 1));
  assert.equal(read(single), read([bytes]));
});

property('apinfo of PALS', ROUNDS, random => {
  const file = Buffer.alloc(136 + 2 * 68 + 3 * 12);
  file.writeBigUInt64LE(BigInt(file.length), 8);
  const arrays = [
    [64, 12, 136 + 2 * 68, 3],
    [88, 68, 136, 2],
  ] as const;
  for (const [at, size, start, count] of arrays) {
    file.writeBigUInt64LE(BigInt(size), at);
    file.writeBigUInt64LE(BigInt(start), at + 8);
    file.writeUInt32LE(count, at + 16);
  }
  assert.is(parseApinfo(file).nodes.length, 3);
  // The header alone decides what is read; its fields are what is worth spoiling.
  for (let changes = 1 + random.below(3); changes > 0; changes--)
    random.bytes(random.of([1, 4, 8])).copy(file, random.below(136));
  file.writeBigUInt64LE(BigInt(file.length), random.of([8, 8, 8, 64, 72, 88, 96]));
  const read = orDeclared(['LAUNCHER'], () => parseApinfo(file), file.toString('hex'));
  for (const node of read?.nodes ?? []) assert.ok(node < read!.hosts.length);
});

property('Slurm lists', ROUNDS, random => {
  const list = random.text(
    [
      'n',
      '[',
      ']',
      ',',
      '-',
      '0',
      '1',
      '9',
      '08',
      '999999',
      '[0-9]',
      '[0-9999]',
      '(x',
      ')',
      ' ',
      '\n',
      'a'.repeat(50),
    ],
    25,
  );
  const hosts = orDeclared(['LAUNCHER'], () => expandHostlist(list), list);
  assert.ok((hosts?.length ?? 0) <= 1_000_000);
  orDeclared(['LAUNCHER'], () => expandCounts(list), list);
});

codecs('Slurm lists that would take ages or all of the memory', () => {
  const refused = ['LAUNCHER'] as const;
  for (const list of [
    `${'a'.repeat(100_000)} `,
    `${'a'.repeat(60)}[`,
    '[0-999999],'.repeat(10_000),
    `n[${'0-999999,'.repeat(10_000)}0]`,
    '[0-9]'.repeat(20),
    ','.repeat(100_000),
  ])
    assert.is(
      orDeclared(refused, () => expandHostlist(list), list.length),
      undefined,
    );
  for (const list of ['1(x999999),'.repeat(10_000), '9999999(x999999)'])
    assert.is(
      orDeclared(refused, () => expandCounts(list), list.length),
      undefined,
    );
  assert.is(
    expandHostlist(Array.from({ length: 20_000 }, (_, i) => `n${i}`).join(',')).length,
    20_000,
  );
});

property('process mapping', ROUNDS, random => {
  const text = random.text(
    [
      '(vector',
      ',(0,1,2)',
      ',(',
      '0',
      ',',
      ')',
      '999999999',
      ' ',
      '(vector,(0,',
      '1,1))',
      '-1',
      '\t',
    ],
    12,
  );
  const size = 1 + random.below(50);
  const nodes = nodesOfMapping(text, size);
  assert.ok(nodes === undefined || (nodes.length === size && nodes.every(node => node < size)));
});

const plan = {
  packages: [{ name: 'p', size: 1, sha256: 'a'.repeat(64), format: 'tar', unpacked: 1 }],
};

property('plans that the root has not signed', ROUNDS, random => {
  const bytes = random.of([
    () => random.near(encodePlan(plan, SECRET)),
    () => random.bytes(random.below(99)),
  ])();
  if (bytes.equals(encodePlan(plan, SECRET))) return;
  const read = orDeclared(['AUTHENTICATION'], () => decodePlan(bytes, SECRET, isPlan), bytes);
  assert.is(read, undefined);
});

property('plans that the root has signed, and must have been out of its mind', ROUNDS, random => {
  const said = random.of<() => unknown>([
    () => random.json(),
    () => ({ packages: random.json() }),
    () => ({
      packages: [
        { ...plan.packages[0], [random.of(Object.keys(plan.packages[0]!))]: random.json() },
      ],
    }),
  ])();
  const bytes = encodePlan(said as object, SECRET);
  const read = orDeclared(['PROTOCOL'], () => decodePlan(bytes, SECRET, isPlan), said);
  for (const { name, size, unpacked } of read?.packages ?? []) {
    assert.type(name, 'string');
    assert.ok(Number.isSafeInteger(size) && size >= 0 && Number.isSafeInteger(unpacked));
  }
});

property('failures from below', ROUNDS, random => {
  const error = new PythonMpiError('NO_SPACE', 'full', { host: 'n1', hint: 'free it' });
  const text = random.of([
    () => random.near(Buffer.from(encodeFailure(error).text)).toString('utf8'),
    () => JSON.stringify({ message: random.json(1), host: random.json(1), hint: random.json(1) }),
    () => JSON.stringify(random.json()),
  ])();
  const read = decodeFailure(random.of([0, 64, 72, 255, -1, 1e9]), text, 'fallback');
  assert.instance(read, PythonMpiError);
  assert.match(read.toLine(), /^[^\x00-\x1f\x7f-\x9f]+$/);
  assert.ok(read.status >= 64);
});

property('what a leader tells the ranks of its node', ROUNDS, random => {
  const said = random.of<() => unknown>([
    () => random.json(),
    () => ({ failure: random.json() }),
    () => ({ failure: { code: random.json(), text: random.json() } }),
    () => ({ directory: random.json() }),
  ])();
  const read = orDeclared(['PROTOCOL'], () => decodeVerdict(said), said);
  if (read !== undefined && !('failure' in read)) assert.type(read.directory, 'string');
});

const tar = archive(
  { name: 'd/', type: '5' },
  { name: 'd/f', content: 'hello' },
  { name: 's', type: '2', target: 'd/f' },
  gnuLong('L', 'l'.repeat(200)),
  { name: 'l', type: '1', target: 'd/f' },
  pax({ path: 'p', mtime: '1.5', size: '1' }),
  { name: 'p', content: 'x' },
);

property('tar', ROUNDS, random => {
  const bytes = random.near(tar);
  const read = (pieces: Buffer[]) => {
    const seen: unknown[] = [];
    const reader = new TarReader({
      member: next => void seen.push(next),
      content: () => {},
      memberEnd: () => {},
    });
    const done = orDeclared(
      ['CORRUPT_PACKAGE'],
      () => {
        for (const piece of pieces) reader.push(piece);
        reader.end();
        return true;
      },
      'tar',
    );
    return [seen, done];
  };
  const cut = random.below(bytes.length + 1);
  assert.equal(read([bytes.subarray(0, cut), bytes.subarray(cut)]), read([bytes]));
});

codecs.run();
