/**
 * What a hop of the tree costs on this machine, measured with the product's own links, drivers and
 * unpacker over loopback: what forecast.ts feeds the simulator with.
 *
 *     node bench/scale/hop.ts
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Deadline, now } from '../../src/deadline.ts';
import { dial } from '../../src/net/dial.ts';
import { TREE } from '../../src/net/handshake.ts';
import type { Link } from '../../src/net/link.ts';
import { openPackages } from '../../src/stage/package-file.ts';
import { Unpacker } from '../../src/stage/unpack/unpacker.ts';
import { makePackages, SHARED } from '../package.ts';
import { median } from '../table.ts';
import type { Carried } from './carrier.ts';

/** Costs of one hop; times in microseconds, rates in MB/s. */
export interface HopCosts {
  /** One way, of a small message between two processes, their event loops included. */
  latency: number;
  /** To connect and prove oneself. */
  dial: number;
  /** Processor time of a leader, per byte taken in, and per byte sent to one child. */
  receive: number;
  send: number;
  /** Processor time for a message besides. */
  message: number;
  /** Packages read and hashed by the root before anything is sent. */
  hash: number;
  /** Packed bytes unpacked by a node, with the threads it has here. */
  unpack: number;
}

const SECRET = Buffer.alloc(32, 1);
const PINGS = 2000;
const DIALS = 200;
const MIB = 200;
const TRIES = 3;

const carrier = fileURLToPath(new URL('./carrier.ts', import.meta.url));

/** Starts a process of carrier.ts. */
function start(...args: string[]) {
  const child = fork(carrier, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const said = async <T>() => ((await once(child, 'message')) as [T])[0];
  return { child, said };
}

/** Resolves with the next bytes of a link. */
function answers(link: Link): () => Promise<void> {
  let arrived = () => {};
  link.read({ received: () => arrived(), ended: () => {}, lost: () => {} });
  return () => new Promise(resolve => (arrived = resolve));
}

async function latencyAndDial(): Promise<Pick<HopCosts, 'latency' | 'dial' | 'message'>> {
  const { child, said } = start('echo');
  const target = { host: '127.0.0.1', port: await said<number>() };
  const greeting = { kind: TREE, from: 1, to: 0 } as const;
  const dials: number[] = [];
  for (let i = 0; i < DIALS; i++) {
    const began = now();
    (await dial(target, SECRET, greeting, Deadline.after(5000))).destroy();
    dials.push((now() - began) * 1000);
  }
  const link = await dial(target, SECRET, greeting, Deadline.after(5000));
  const answered = answers(link);
  const trips: number[] = [];
  const before = process.cpuUsage();
  for (let i = 0; i < PINGS; i++) {
    const began = now();
    const answer = answered();
    link.send(Buffer.alloc(24));
    await answer;
    trips.push((now() - began) * 1000);
  }
  const { user, system } = process.cpuUsage(before);
  link.destroy();
  child.disconnect();
  // A trip is two messages, one sent and one taken in here.
  return {
    latency: median(trips) / 2,
    dial: median(dials),
    message: (user + system) / PINGS / 2,
  };
}

/** A chain of three: what the last does is receive, what the middle does is receive and send. */
async function receiveAndSend(): Promise<Pick<HopCosts, 'receive' | 'send'>> {
  const nodes = [0, 1, 2].map(position => start('node', String(position), String(MIB)));
  const ports = await Promise.all(nodes.map(node => node.said<number>()));
  for (const { child } of nodes) child.send(ports);
  const [, middle, last] = await Promise.all(nodes.map(node => node.said<Carried>()));
  const perByte = ({ cpu }: Carried) => cpu / (MIB * 2 ** 20);
  const receive = perByte(last!);
  return { receive, send: Math.max(0, perByte(middle!) - receive) };
}

async function hashAndUnpack(): Promise<Pick<HopCosts, 'hash' | 'unpack'>> {
  const file = (await makePackages(SHARED))['tar.gz'];
  const began = now();
  const [source] = await openPackages([file], '/');
  const { spec } = source!;
  const hash = spec.size / ((now() - began) * 1000);
  const directory = mkdtempSync('/dev/shm/hop-');
  try {
    const before = now();
    const unpacker = new Unpacker({ directory: join(directory), packages: [spec] });
    const buffer = Buffer.alloc(1 << 18);
    for (let at = 0; at < spec.size; at += buffer.length) {
      const piece = buffer.subarray(0, Math.min(buffer.length, spec.size - at));
      await source!.fill(piece, at);
      await unpacker.deliver(piece);
    }
    await unpacker.finished;
    return { hash, unpack: spec.size / ((now() - before) * 1000) };
  } finally {
    await source!.close();
    rmSync(directory, { recursive: true });
  }
}

/**
 * Measures all of it: the best of a few tries, since others' work on the machine only ever adds.
 */
export async function measureHop(): Promise<HopCosts> {
  const tries: HopCosts[] = [];
  for (let i = 0; i < TRIES; i++) {
    tries.push({
      ...(await latencyAndDial()),
      ...(await receiveAndSend()),
      ...(await hashAndUnpack()),
    });
  }
  const least = (name: keyof HopCosts) => Math.min(...tries.map(costs => costs[name]));
  const most = (name: keyof HopCosts) => Math.max(...tries.map(costs => costs[name]));
  return {
    latency: least('latency'),
    dial: least('dial'),
    receive: least('receive'),
    send: least('send'),
    message: least('message'),
    hash: most('hash'),
    unpack: most('unpack'),
  };
}

if (import.meta.main) console.log(JSON.stringify(await measureHop(), null, 2));
