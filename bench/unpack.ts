/**
 * Unpacking on one node against GNU tar: whole processes, on the same files, in interleaved rounds.
 *
 *     node bench/unpack.ts [ROUNDS]
 *
 * Prints medians of the ratios to `tar -xzf` of the same round: only those compare between runs.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { PackageFile } from '../src/stage/source.ts';
import { formats, makePackages } from './package.ts';

interface Cost {
  /** Seconds. */
  wall: number;
  /** Seconds of processor time, all threads, user and system. */
  cpu: number;
}

interface Contestant {
  name: string;
  /** The command, without the directory to unpack into. */
  command: (directory: string) => string[];
}

const rounds = Number(process.argv[2] ?? 7);
/** Inputs and outputs are in memory: disks are not what is compared. */
const work = mkdtempSync('/dev/shm/python-mpi-bench-');
process.on('exit', () => rmSync(work, { recursive: true, force: true }));

/** Runs a command; bash's `time` knows what it and all its children used. */
function measure(command: string[]): Cost {
  const script = 'TIMEFORMAT="%R %U %S"; time "$@" >/dev/null 2>&1';
  const output = execFileSync('bash', ['-c', `{ ${script}; } 2>&1`, 'bash', ...command], {
    encoding: 'utf8',
  });
  const [wall, user, system] = output.trim().split(' ').map(Number) as [number, number, number];
  return { wall, cpu: user + system };
}

/** The one-shot program, bundled as the product is; as far from dist/lib/ as that. */
function program(): string {
  const outfile = fileURLToPath(new URL('../dist/bench/unpack-package.mjs', import.meta.url));
  const entry = fileURLToPath(new URL('./unpack-package.ts', import.meta.url));
  buildSync({ entryPoints: [entry], outfile, bundle: true, platform: 'node', format: 'esm' });
  return outfile;
}

async function contestants(): Promise<Contestant[]> {
  const paths = await makePackages(work);
  const unpackPackage = program();
  const all: Contestant[] = [];
  for (const format of formats) {
    const file = await PackageFile.open(paths[format], '/');
    await file.close();
    const megabytes = (file.spec.size / 1e6).toFixed(0);
    const decompress = { 'tar.gz': '-xzf', tar: '-xf', 'tar.zst': '--zstd -xf' }[format].split(' ');
    // GNU tar needs a program for it, which may be missing.
    const theirs = format !== 'tar.zst' || spawnSync('zstd', ['--version']).status === 0;
    const peer = {
      name: `tar ${decompress.join(' ')} (.${format}, ${megabytes} MB)`,
      command: (directory: string) => ['tar', '-C', directory, ...decompress, paths[format]],
    };
    if (theirs) all.push(peer);
    all.push({
      name: `ours (.${format})`,
      command: directory => [
        process.execPath,
        unpackPackage,
        paths[format],
        directory,
        JSON.stringify(file.spec),
      ],
    });
  }
  return all;
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;

function row(name: string, costs: Cost[], reference: Cost[]): string {
  const ratios = (of: (cost: Cost) => number) =>
    costs.map((cost, round) => of(cost) / of(reference[round]!));
  const column = (of: (cost: Cost) => number) => {
    const all = ratios(of);
    const range = `${Math.min(...all).toFixed(2)}-${Math.max(...all).toFixed(2)}`;
    return `${median(all).toFixed(2)} (${range})`;
  };
  const seconds = Math.min(...costs.map(({ wall }) => wall)).toFixed(2);
  return `| ${name} | ${column(({ wall }) => wall)} | ${column(({ cpu }) => cpu)} | ${seconds} |`;
}

const all = await contestants();
const costs = all.map((): Cost[] => []);
for (let round = -1; round < rounds; round++) {
  for (const [index, { command }] of all.entries()) {
    const directory = join(work, 'unpacked');
    mkdirSync(directory);
    const cost = measure(command(directory));
    if (round >= 0) costs[index]!.push(cost); // round -1 warms up
    rmSync(directory, { recursive: true });
  }
}
console.log(`### Unpacking on one node\n\nRatio to tar -xzf, median (range):\n`);
console.log('| | wall | CPU | best wall, s |');
console.log('|---|---|---|---|');
for (const [index, { name }] of all.entries()) console.log(row(name, costs[index]!, costs[0]!));
