/**
 * Launchers that answer garbage, late, twice, never, or close, at each step of a session: one
 * declared error within the deadline, or none where nothing was lost. Over PMI-1 by port and by
 * descriptor, and PMIx.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Deadline, pause } from '../../src/deadline.ts';
import { PythonMpiError } from '../../src/errors.ts';
import { silent } from '../../src/log.ts';
import { encodeCard } from '../../src/net/card.ts';
import { SUCCESS } from '../../src/outcome.ts';
import { detect } from '../../src/pmi/detect.ts';
import { Pmi1Server } from '../../src/pmi/pmi1/server.ts';
import { frame } from '../../src/pmi/pmix/codec.ts';
import { Packer } from '../../src/pmi/pmix/pack.ts';
import { leftovers, modulePackage, PYTHON_MPI } from '../support/job.ts';
import { scratch } from '../support/scratch.ts';

/**
 * A session's deadline, and the time by which the session must have ended all the same, in
 * milliseconds.
 */
const DEADLINE_MS = 400;
const PATIENCE_MS = 120_000;

type Behaviour = (honest: Buffer, connection: Duplex) => void | Promise<void>;

/** What a launcher may do instead of giving its honest answer. */
const BEHAVIOURS: Record<string, Behaviour> = {
  garbage: (_, to) => void to.write(Buffer.from('\x00\xff\x1b[2Jgarbage=\n\n=\n cmd\n', 'latin1')),
  'a line without end': (_, to) => void to.write(Buffer.alloc(300_000, 'x')),
  'the answer to another question': (_, to) => void to.write('cmd=universe_size size=1\n'),
  nothing: () => {},
  close: (_, to) => void to.destroy(),
  'half of it': (honest, to) => void to.write(honest.subarray(0, honest.length >> 1)),
  'half of it and close': (honest, to) => void to.end(honest.subarray(0, honest.length >> 1)),
  'byte by byte': async (honest, to) => {
    for (const byte of honest.subarray(0, 200)) {
      if (!to.destroyed) to.write(Buffer.from([byte]));
      await pause(1);
    }
    if (!to.destroyed) to.write(honest.subarray(200));
  },
  twice: (honest, to) => void to.write(Buffer.concat([honest, honest])),
  late: async (honest, to) => {
    await pause(DEADLINE_MS + 100);
    if (!to.destroyed) to.write(honest);
  },
  'numbers too large': (honest, to) =>
    void to.write(honest.toString('latin1').replace(/=\d+/g, '=99999999999999999999'), 'latin1'),
  'numbers below zero': (honest, to) =>
    void to.write(honest.toString('latin1').replace(/=\d+/g, '=-1'), 'latin1'),
  'numbers that are none': (honest, to) =>
    void to.write(honest.toString('latin1').replace(/=\d+/g, '=x'), 'latin1'),
  'no values': (honest, to) =>
    void to.write(honest.toString('latin1').replace(/=[^ \n]*/g, '='), 'latin1'),
  'a message of four gigabytes': (_, to) => {
    const header = Buffer.from(frame(1, 101, new Uint8Array(0)));
    header.writeUInt32BE(0xffffffff, 8);
    for (let tag = 101; tag < 110; tag++) {
      header.writeUInt32BE(tag, 4);
      to.write(header);
      to.write(Buffer.alloc(100_000));
    }
  },
  zeros: (_, to) => void to.write(Buffer.alloc(10_000)),
  ones: (_, to) => void to.write(Buffer.alloc(10_000, 0xff)),
  'every bit the other way round': (honest, to) => void to.write(honest.map(byte => ~byte)),
};

/** Answers what has arrived, in the order of the requests: the honest answer to each. */
type Honest = (bytes: Buffer) => Buffer[];

/** PMI-1 for a job of one rank over TCP. */
function honestPort(): Honest {
  const server = new Pmi1Server(1, '(vector,(0,1,1))');
  return bytes => {
    if (bytes.includes('cmd=initack')) {
      const lines = ['cmd=initack', 'cmd=set size=1', 'cmd=set rank=0', 'cmd=set debug=0'];
      return [Buffer.from(`${lines.join('\n')}\n`)];
    }
    return server.feed(0, bytes).replies.map(({ line }) => Buffer.from(line, 'latin1'));
  };
}

const jobData = Buffer.from(
  readFileSync(new URL('../fixtures/pmix/4.2.2.hex', import.meta.url), 'utf8').replace(
    /^#.*$|\s/gm,
    '',
  ),
  'hex',
);
const OK = new Packer().item().signed(0).bytes;

/** A value as the answer to a get. */
function holding(key: string, value: string): Uint8Array {
  const blob = new Packer().item().string('job').unsigned(0);
  const { bytes } = blob.item().string(key).unsigned(3).string(value);
  return new Packer().item().signed(0).item().unsigned(bytes.length).raw(bytes).bytes;
}

/** PMIx, for the first of two ranks. */
function honestPmix(): Honest {
  let rest = Buffer.alloc(0);
  let greeted = false;
  return bytes => {
    const answers: Buffer[] = [];
    rest = Buffer.concat([rest, bytes]);
    while (rest.length >= 16) {
      const length = greeted ? rest.readUInt32BE(8) : rest.readUInt32LE(8);
      if (rest.length < 16 + length) break;
      const [tag, body] = [rest.readUInt32BE(4), rest.subarray(16, 16 + length)];
      rest = rest.subarray(16 + length);
      if (!greeted) answers.push(Buffer.from('0000000000000001', 'hex'));
      else if (body[1] !== 4) answers.push(Buffer.from(frame(1, tag, OK)));
      else {
        const found = body.includes('key') ? holding('key', 'value') : jobData;
        answers.push(Buffer.from(frame(1, tag, found)));
      }
      greeted = true;
    }
    return answers;
  };
}

interface Launcher {
  port: number;
  close(): void;
}

/** A launcher on a port that behaves at one step. */
async function launcher(honest: Honest, step: number, behave: Behaviour): Promise<Launcher> {
  const connections: Socket[] = [];
  const server = createServer((connection: Socket) => {
    connections.push(connection);
    connection.on('error', () => {});
    let steps = 0;
    connection.on('data', bytes => {
      for (const answer of honest(bytes)) {
        if (steps++ === step) void behave(answer, connection);
        else if (!connection.destroyed) connection.write(answer);
      }
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close();
      for (const connection of connections) connection.destroy();
    },
  };
}

/** A rank's whole session. @returns what it ended with */
async function session(env: NodeJS.ProcessEnv): Promise<unknown> {
  try {
    const session = await detect(env, silent).open(Deadline.after(DEADLINE_MS));
    try {
      const kvs = session.kvs!;
      await kvs.put('key', 'value');
      await kvs.fence();
      const value = await kvs.get('key');
      // A value is the launcher's to spoil; the rank that reads it looks at it.
      assert.type(value, 'string');
      await session.settle();
    } finally {
      await session.finish(SUCCESS);
    }
    return 'well';
  } catch (thrown) {
    return thrown;
  }
}

const PMIX = {
  PMIX_NAMESPACE: '[52426,1]',
  PMIX_RANK: '0',
  PMIX_SECURITY_MODE: 'native',
  PMIX_BFROP_BUFFER_TYPE: 'PMIX_BFROP_BUFFER_NON_DESC',
  PMIX_GDS_MODULE: 'hash',
};

const WAYS = [
  {
    name: 'PMI-1 by port',
    honest: honestPort,
    env: (port: number) => ({ PMI_PORT: `127.0.0.1:${port}`, PMI_ID: '0' }),
    steps: [
      'initack',
      'init',
      'get_maxes',
      'get_my_kvsname',
      'mapping',
      'put',
      'barrier_in',
      'get',
      'finalize',
    ],
  },
  {
    name: 'PMIx',
    honest: honestPmix,
    env: (port: number) => ({ ...PMIX, PMIX_SERVER_URI41: `x.0;tcp4://127.0.0.1:${port}` }),
    steps: ['handshake', 'REQ', 'job data', 'COMMIT', 'FENCE', 'GET', 'FINALIZE'],
  },
];

const servers = suite('launchers that misbehave');

for (const { name, honest, env, steps } of WAYS) {
  servers(`${name}: all is well with an honest one`, async () => {
    const server = await launcher(honest(), Number.POSITIVE_INFINITY, () => {});
    assert.is(await session(env(server.port)), 'well');
    server.close();
  });

  for (const [step, what] of steps.entries()) {
    servers(`${name}, at ${what}: one error within the deadline, or none`, async () => {
      const told = Object.entries(BEHAVIOURS).map(async ([how, behave]) => {
        const server = await launcher(honest(), step, behave);
        const ended = session(env(server.port));
        const outcome = await Deadline.after(PATIENCE_MS).wait(ended, how);
        server.close();
        if (outcome === 'well') return;
        assert.instance(outcome, PythonMpiError, `${how}: ${outcome}`);
        const error = outcome as PythonMpiError;
        assert.ok(
          ['LAUNCHER', 'TIMEOUT', 'PEER_LOST'].includes(error.code),
          `${how}: ${error.toLine()}`,
        );
        assert.match(error.toLine(), /^[^\x00-\x1f\x7f-\x9f]{1,700}$/, how);
        assert.ok(error.hint, `${how}: ${error.toLine()}`);
      });
      await Promise.all(told);
    });
  }
}

/** The steps of a rank that does not lead, up to where the launcher is not needed any more. */
const FOLLOWER = ['init', 'get_maxes', 'get_my_kvsname', 'mapping', 'barrier_in', 'secret', 'card'];
const hello = await modulePackage('hello', '');

/** Runs the program as the second of two ranks, under a launcher that behaves at one step. */
async function follow(
  step: number,
  behave: Behaviour,
): Promise<{ status: number; err: string; chroot: string }> {
  const chroot = scratch();
  const child = spawn(PYTHON_MPI, ['--timeout', '0.5', '--packages', hello, '-c', ''], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      PYTHON_MPI_CHROOT: chroot,
      PMI_FD: '3',
      PMI_RANK: '1',
      PMI_SIZE: '2',
    },
  });
  const server = new Pmi1Server(2, '(vector,(0,1,2))');
  const say = (key: string, value: string) =>
    server.feed(0, Buffer.from(`cmd=put kvsname=k key=${key} value=${value}\n`));
  say('python-mpi.secret', 'ab'.repeat(32));
  say(
    'python-mpi.card.0',
    encodeCard({ host: 'here', endpoints: [], local: `nobody-${child.pid}` }),
  );
  server.feed(0, Buffer.from('cmd=barrier_in\n'));
  const connection = child.stdio[3] as Duplex;
  connection.on('error', () => {});
  let steps = 0;
  connection.on('data', bytes => {
    for (const { rank, line } of server.feed(1, bytes).replies) {
      if (rank !== 1) continue;
      if (steps++ === step) void behave(Buffer.from(line, 'latin1'), connection);
      else if (!connection.destroyed) connection.write(line, 'latin1');
    }
  });
  let err = '';
  child.stderr!.on('data', data => (err += data));
  const status = await new Promise<number>(resolve =>
    child.once('exit', code => resolve(code ?? -1)),
  );
  connection.destroy();
  return { status, err, chroot };
}

for (const [step, what] of FOLLOWER.entries()) {
  servers(`PMI-1 by descriptor, at ${what}: one line and a status of its own`, async () => {
    const hows = ['garbage', 'nothing', 'close', 'twice'];
    await Promise.all(
      hows.map(async how => {
        const { status, err, chroot } = await follow(step, BEHAVIOURS[how]!);
        // Unreachable and timed out: no peer answers where the card points, if it was told.
        assert.ok([68, 75, 76, 77, 78].includes(status), `${how}: ${status} ${err}`);
        assert.match(err, /^python-mpi: [^\x00-\x1f]{1,400} \[[A-Z_]+\]\n$/, how);
        assert.not.match(err, /abab/, 'the secret is nobody’s business');
        assert.equal(leftovers(chroot), []);
      }),
    );
  });
}

servers.run();
