/**
 * Records of all nodes on their way to the root, over real sockets, with nodes that are not there.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Deadline } from '../../src/deadline.ts';
import { silent } from '../../src/log.ts';
import type { Card } from '../../src/net/card.ts';
import { dial } from '../../src/net/dial.ts';
import { REPORT } from '../../src/net/handshake.ts';
import type { Link } from '../../src/net/link.ts';
import { Listener } from '../../src/net/listener.ts';
import { Reports } from '../../src/net/reports.ts';
import { parentOf } from '../../src/net/wide-tree.ts';

const SECRET = Buffer.alloc(32, 7);
const PATIENCE_MS = 60_000;

interface Note {
  from: number;
}

interface Node {
  reports: Reports<Note>;
  listener: Listener;
  card: Card;
  /** Positions that have connected. */
  heard: number[];
}

async function open(position: number, count: number): Promise<Node> {
  const reports = new Reports<Note>({
    position,
    count,
    secret: SECRET,
    log: silent,
    // All nodes are in this process, which others may keep waiting.
    dialMs: PATIENCE_MS,
    sendMs: PATIENCE_MS,
  });
  const heard: number[] = [];
  const listener = new Listener(link => {
    heard.push(link.greeting.from);
    reports.admit(link);
  });
  listener.admit(SECRET);
  const endpoints = [{ host: '127.0.0.1', port: await listener.tcp() }];
  return { reports, listener, heard, card: { host: `n${position}`, endpoints, local: '' } };
}

/** Where a position reports to, best first. */
function parentsOf(position: number, nodes: readonly Node[]): Card[] {
  if (position === 0) return [];
  return [...new Set([parentOf(position), 0])].map(parent => nodes[parent]!.card);
}

/** A job of `count` nodes of which some are gone when it comes to reporting. */
async function job(count: number, gone: readonly number[] = []) {
  const nodes = await Promise.all(Array.from({ length: count }, (_, p) => open(p, count)));
  for (const position of gone) nodes[position]!.listener.close();
  const present = [...nodes.keys()].filter(position => !gone.includes(position));
  const results = await Promise.all(
    present.map(from =>
      nodes[from]!.reports.conclude({ from }, present.length, PATIENCE_MS, parentsOf(from, nodes)),
    ),
  );
  for (const position of present) nodes[position]!.listener.close();
  return { nodes, present, atRoot: results[0]! };
}

const reports = suite('net/reports');

reports('every record comes to the root, and nobody hears from more than 32', async () => {
  const { nodes, present, atRoot } = await job(100);
  const positions = atRoot.map(({ position }) => position).sort((a, b) => a - b);
  assert.equal(positions, present);
  for (const { position, record } of atRoot) assert.equal(record, { from: position });
  assert.ok(nodes.every(({ heard }) => heard.length <= 32));
  assert.is(nodes[0]!.heard.length, 32);
});

reports('those below a lost node report to the root', async () => {
  const { nodes, present, atRoot } = await job(40, [1]);
  assert.is(parentOf(39), 1);
  const positions = atRoot.map(({ position }) => position).sort((a, b) => a - b);
  assert.equal(positions, present);
  assert.ok(nodes[0]!.heard.includes(39));
});

reports('a node that connects and says nothing holds up nobody for long', async () => {
  const [root, child] = await Promise.all([open(0, 3), open(1, 3)]);
  const target = { host: '127.0.0.1', port: root.card.endpoints[0]!.port };
  const greeting = { kind: REPORT, from: 2, to: 0 } as const;
  const mute = await dial(target, SECRET, greeting, Deadline.after(60_000));
  const [all] = await Promise.all([
    root.reports.conclude({ from: 0 }, 3, 3000, []),
    child.reports.conclude({ from: 1 }, 3, PATIENCE_MS, [root.card]),
  ]);
  assert.equal(all.map(({ position }) => position).sort(), [0, 1]);
  mute.destroy();
  for (const { listener } of [root, child]) listener.close();
});

reports('more records than there are nodes are not kept', async () => {
  const root = await open(0, 3);
  const target = { host: '127.0.0.1', port: root.card.endpoints[0]!.port };
  const greeting = { kind: REPORT, from: 1, to: 0 } as const;
  const link = await dial(target, SECRET, greeting, Deadline.after(60_000));
  for (let position = 0; position < 50; position++) {
    const record = { position, record: { from: position }, offsetMs: 0, errorMs: 0 };
    link.send(Buffer.from(`${JSON.stringify(record)}\n`));
  }
  link.send(Buffer.from('no JSON\n'));
  await ended(link);
  const all = await root.reports.conclude({ from: 0 }, 1, PATIENCE_MS, []);
  assert.ok(all.length <= 5, `${all.length}`);
  root.listener.close();
});

/** Resolves when the other side has closed the link. */
function ended(link: Link): Promise<void> {
  return new Promise(resolve => {
    link.read({ received: () => {}, ended: resolve, lost: () => resolve() });
  });
}

reports('clocks are told apart, and the error is bounded', async () => {
  const root = await open(0, 2);
  // A process of its own has a clock of its own: it began later than ours.
  const program = fileURLToPath(new URL('../support/reporter.ts', import.meta.url));
  const port = String(root.card.endpoints[0]!.port);
  const child = fork(program, [port, SECRET.toString('hex')], { stdio: 'inherit' });
  const exited = once(child, 'exit');
  const [origin] = (await once(child, 'message')) as [number];
  const all = await root.reports.conclude({ from: 0 }, 2, PATIENCE_MS, []);
  const { offsetMs, errorMs } = all.find(({ position }) => position === 1)!;
  const truth = origin - performance.timeOrigin;
  // What both processes believe of the wall clock may differ a little more.
  assert.ok(Math.abs(offsetMs - truth) <= errorMs + 5, `${offsetMs} ${truth} ${errorMs}`);
  assert.ok(errorMs > 0 && Number.isFinite(errorMs), `${errorMs}`);
  await exited;
  root.listener.close();
});

reports.run();
