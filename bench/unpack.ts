/**
 * Unpacking on one node against GNU tar: whole processes, on the same files, in interleaved rounds.
 *
 *     node bench/unpack.ts [ROUNDS]
 *
 * Prints ratios within a round: only those compare between runs.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { PackageFile } from '../src/stage/package-file.ts';
import { bundled } from './bundled.ts';
import { type Format, formats, makePackages } from './package.ts';
import { profile } from './profile.ts';
import { printTable, ratios, takeTurns } from './table.ts';

interface Cost {
  /** Seconds. */
  wall: number;
  /** Seconds of processor time, all threads, user and system. */
  cpu: number;
}

/** What it takes to be quick enough, as ratios to GNU tar on the same file. */
const GOALS: Record<Format, { wall: number; cpu?: number }> = {
  'tar.gz': { wall: 0.45, cpu: 0.55 },
  'tar.zst': { wall: 1.05 },
  tar: { wall: 1.2 },
};
const REASON =
  'threads that cost 35 ms each to start, as much as the rest of Node once more, and the SHA-256 of every packed byte, ' +
  'of which GNU tar does nothing: see the profile below';

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

const paths = await makePackages(work);
const unpackPackage = bundled('unpack-package');
for (const format of formats) {
  const file = await PackageFile.open(paths[format], '/');
  await file.close();
  const decompress = { 'tar.gz': '-xzf', tar: '-xf', 'tar.zst': '--zstd -xf' }[format];
  const commands = {
    theirs: (directory: string) => [
      ...['tar', '-C', directory, ...decompress.split(' ')],
      paths[format],
    ],
    ours: (directory: string) => [
      ...[process.execPath, unpackPackage, paths[format], directory],
      JSON.stringify(file.spec),
    ],
  };
  const costs: Record<keyof typeof commands, Cost[]> = { theirs: [], ours: [] };
  const turn = (name: keyof typeof commands) => async () => {
    const directory = join(work, 'unpacked');
    mkdirSync(directory);
    const cost = measure(commands[name](directory));
    costs[name].push(cost);
    rmSync(directory, { recursive: true });
    return cost.wall;
  };
  const wall = await takeTurns(rounds, { theirs: turn('theirs'), ours: turn('ours') });
  // The first turn warms up.
  const cpu = (name: keyof typeof commands) => costs[name].slice(1).map(cost => cost.cpu);
  const goal = GOALS[format];
  const megabytes = (file.spec.size / 1e6).toFixed(0);
  printTable(`Unpacking a .${format} of ${megabytes} MB on one node, whole process`, [
    {
      what: 'wall',
      against: `tar ${decompress}`,
      goal: goal.wall,
      values: ratios(wall.ours, wall.theirs),
      because: REASON,
    },
    {
      what: 'CPU',
      against: `tar ${decompress}`,
      ...(goal.cpu === undefined ? {} : { goal: goal.cpu }),
      values: ratios(cpu('ours'), cpu('theirs')),
      because: REASON,
    },
    { what: 'wall', against: 'seconds', values: wall.ours },
    { what: `tar ${decompress}, wall`, against: 'seconds', values: wall.theirs },
  ]);
  const directory = join(work, 'profiled');
  mkdirSync(directory);
  const threads = format === 'tar' ? ['main', 'extract'] : ['main', 'inflate', 'extract'];
  printTable(
    `Where the time goes, .${format}, one run with a profiler that slows it down`,
    profile(commands.ours(directory).slice(1), threads),
  );
  rmSync(directory, { recursive: true });
}
