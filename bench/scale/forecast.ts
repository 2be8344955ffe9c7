/**
 * What staging would take on more nodes than there are here: the engine itself, simulated
 * (test/native/sim.c) with what a hop costs on this machine, for every shape of tree it knows.
 *
 *     node bench/scale/forecast.ts [MOST NODES]      default 1000
 */
import { execFile, execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { SHAPE } from '../../src/engine/engine.ts';
import { markdownTable } from '../table.ts';
import type { HopCosts } from './hop.ts';

/** The ancestor's package, in bytes: its measured points are of this size. */
export const STREAM_BYTES = 272e6;
const SEGMENT_BYTES = 262_144;
/** Bytes that stand for a segment in the simulation. */
const STAND_IN_BYTES = 64;
/**
 * Segments that are simulated, fewer and more. Once what a node takes ahead is full, a window of 32
 * and 16 more in the unpacker, every further segment takes the same time: a long stream is the
 * longer of two, and the difference between them as often as it takes.
 */
const BROADCAST = [48, 80] as const;
const STAGING = [72, 128] as const;
/** A longer chain is never chosen, and keeps books that grow with the square of its length. */
const LONGEST_CHAIN = 2048;
const POSITIONS = [2, 8, 32, 128, 512, 1024, 2048, 8192, 32_768, 100_000];
/** Memory and time one simulation may take. */
const MEMORY_BYTES = 6e9;
const PATIENCE_MS = 600_000;

/** What is assumed, because this machine cannot tell. */
export const ASSUMED = {
  /** Cable of a node, MB/s each way: 10 Gbit/s. */
  link: 1250,
  /** The root's reads from the shared file system, MB/s. */
  read: 1000,
  /** Added to the latency measured over loopback, microseconds. */
  fabric: 5,
  /**
   * Packed bytes an unpacker takes ahead of its work: COMPRESSED_RING of
   * src/stage/unpack/unpacker.ts.
   */
  ring: 4 * 2 ** 20,
  /** From unpacked to ready, microseconds. */
  publish: 3000,
};

/**
 * Seconds until the last of `nodes` has everything: when no node unpacks, and when all do, and are
 * ready.
 */
export interface Forecast {
  nodes: number;
  broadcast: number;
  staged: number;
}

/** By name of the shape. */
export type Forecasts = Record<string, Forecast[]>;

const SIMULATOR = fileURLToPath(new URL('../../build/native/sim', import.meta.url));
const WASM = fileURLToPath(new URL('../../wasm', import.meta.url));
const run = promisify(execFile);

/** Seconds until the last node is ready. */
async function simulate(
  costs: HopCosts,
  shape: number,
  nodes: number,
  segments: number,
): Promise<number> {
  const settings = {
    nodes,
    shape,
    segments,
    segment: STAND_IN_BYTES,
    scale: SEGMENT_BYTES / STAND_IN_BYTES,
    latency: costs.latency + ASSUMED.fabric,
    dial: costs.dial,
    message: costs.message,
    receive: costs.receive,
    send: costs.send,
    link: ASSUMED.link,
    read: ASSUMED.read,
    unpack: costs.unpack,
    ring: ASSUMED.ring,
    publish: ASSUMED.publish,
  };
  const words = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  const limited = [`--as=${MEMORY_BYTES}`, SIMULATOR, ...words];
  const { stdout } = await run('prlimit', limited, { timeout: PATIENCE_MS });
  return Number(/staged ([\d.]+)/.exec(stdout)![1]);
}

/** The whole stream, from two shorter ones. */
async function extrapolate(
  costs: HopCosts,
  shape: number,
  nodes: number,
  [few, many]: readonly [number, number],
): Promise<number> {
  const [shorter, longer] = [
    await simulate(costs, shape, nodes, few),
    await simulate(costs, shape, nodes, many),
  ];
  const segments = Math.ceil(STREAM_BYTES / SEGMENT_BYTES);
  return longer + ((segments - many) / (many - few)) * (longer - shorter);
}

async function forecast(costs: HopCosts, shape: number, nodes: number): Promise<Forecast> {
  const bare = { ...costs, unpack: Number.MAX_SAFE_INTEGER };
  // Before the first byte of packages is sent, the root has read and hashed them.
  const hashing = STREAM_BYTES / (costs.hash * 1e6);
  return {
    nodes,
    broadcast: await extrapolate(bare, shape, nodes, BROADCAST),
    staged: hashing + (await extrapolate(costs, shape, nodes, STAGING)),
  };
}

/**
 * Forecasts for every shape of tree and numbers of nodes up to `most`; a number that a shape cannot
 * be simulated with is left out, and named on stderr.
 */
export async function forecastAll(costs: HopCosts, most: number): Promise<Forecasts> {
  execFileSync('make', ['-C', WASM, 'sim'], { stdio: ['ignore', 'ignore', 'inherit'] });
  // BEST is one of the others.
  const shapes = Object.entries(SHAPE).filter(([, shape]) => shape !== SHAPE.BEST);
  const forecasts: Forecasts = Object.fromEntries(shapes.map(([name]) => [name, []]));
  const jobs = POSITIONS.filter(nodes => nodes <= most)
    .flatMap(nodes => shapes.map(([name, shape]) => ({ name, shape, nodes })))
    .filter(({ shape, nodes }) => shape !== SHAPE.CHAIN || nodes <= LONGEST_CHAIN);
  const work = async () => {
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
      const { name, shape, nodes } = job;
      const found = await forecast(costs, shape, nodes).catch(error =>
        console.error(
          `${name} of ${nodes}: not simulated (${String(error.message).slice(0, 200)})`,
        ),
      );
      if (found) forecasts[name]!.push(found);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  for (const list of Object.values(forecasts)) list.sort((a, b) => a.nodes - b.nodes);
  return forecasts;
}

/** What was measured and assumed, and what came of it. */
export function forecastText(costs: HopCosts, forecasts: Forecasts): string {
  const megabytes = (perByte: number) => (1 / perByte).toFixed(0);
  const names = Object.keys(forecasts);
  const counts = [...new Set(names.flatMap(name => forecasts[name]!.map(({ nodes }) => nodes)))];
  const cell = (name: string, nodes: number) => {
    const found = forecasts[name]!.find(entry => entry.nodes === nodes);
    return found === undefined ? '-' : `${found.broadcast.toFixed(2)} / ${found.staged.toFixed(2)}`;
  };
  return [
    `Measured here, over loopback: latency ${costs.latency.toFixed(0)} us, connecting ${costs.dial.toFixed(0)} us, a ` +
      `message ${costs.message.toFixed(0)} us of processor; a leader takes in ${megabytes(costs.receive)} MB/s and sends ` +
      `${megabytes(costs.send)} MB/s per processor; the root reads and hashes ${costs.hash.toFixed(0)} MB/s; a node ` +
      `unpacks ${costs.unpack.toFixed(0)} MB/s of .tar.gz.`,
    `Assumed: cables of ${((ASSUMED.link * 8) / 1000).toFixed(0)} Gbit/s each way, ${ASSUMED.fabric} us more latency, ` +
      `${ASSUMED.read} MB/s from the shared file system, ${ASSUMED.publish / 1000} ms to publish, every node with processors ` +
      'of its own.',
    'Not modelled: the launcher, the start of Node and of Python, switches that many links share, packet loss, slow nodes.',
    '',
    `Seconds for ${STREAM_BYTES / 1e6} MB until the last node has received everything, if nobody unpacks / has read, sent, unpacked and published everything:`,
    '',
    markdownTable(
      ['nodes', ...names],
      counts
        .toSorted((a, b) => a - b)
        .map(nodes => [nodes, ...names.map(name => cell(name, nodes))]),
    ),
  ].join('\n');
}

if (import.meta.main) {
  const { measureHop } = await import('./hop.ts');
  const costs = await measureHop();
  console.log(forecastText(costs, await forecastAll(costs, Number(process.argv[2] ?? 1000))));
}
