/**
 * Real ranks, as many as this machine holds: each to a running Python from a staged prefix, all of
 * them alive at once, and none lost. On the cluster in a box, against plain python3 started by the
 * same launcher.
 *
 * Under srun: Hydra would do, too, but leaves a Node beside each Python, for which memory does not
 * suffice.
 *
 *     node bench/scale/ranks.ts [RANKS]...      default 64 256 1024; the last needs some 16 GB of memory
 */
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { now, pause } from '../../src/deadline.ts';
import { type Cluster, type Finished, PROJECT, withCluster } from '../../test/cluster/cluster.ts';
import { pythonPackage } from '../../test/support/python-package.ts';
import { markdownTable } from '../table.ts';
import { outputOf } from '../timing.ts';

/** Nodes of the bed that share the ranks, at most. */
const NODES = 16;
/** Ranks of a node, at least, if there are so many. */
const RANKS_PER_NODE = 16;
const LIMIT_MS = 540_000;
const LOOK_MS = 100;
/** Memory that is left to the rest of the machine, in bytes. */
const FLOOR_BYTES = 1.5e9;

/** Every rank says who and where it is, twice, and then waits until all have: see Gathering. */
const SCRIPT = `
import os, socket, sys
rank = os.environ.get("SLURM_PROCID") or os.environ["ALPS_APP_PE"]
line = f"{rank} {socket.gethostname()} {sys.prefix}\\n"
arrived, gate = sys.argv[1:]
with open(arrived, "ab", buffering=0) as file: file.write(line.encode())
os.write(1, line.encode())
os.close(os.open(gate, os.O_RDONLY))
`;

interface Outcome {
  /** From the launcher's start to the line of the last rank, in seconds. */
  seconds: number;
  /** Memory the machine had less while all Pythons ran, and at worst until then, in bytes. */
  running: number;
  peak: number;
}

/** Bytes of memory that the machine can still give. */
function available(): number {
  const kilobytes = /^MemAvailable: +(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))![1];
  return Number(kilobytes) * 1024;
}

function launch(cluster: Cluster, ranks: number, command: readonly string[]): Promise<Finished> {
  const nodes = cluster.nodes.length;
  // It shares the ranks out evenly by itself; asked to, it would want a processor for each.
  const told = ['--mpi=none', '--overcommit', `-N${nodes}`, `-n${ranks}`];
  return cluster.run('srun', [...told, ...command], { timeoutMs: LIMIT_MS });
}

/**
 * Starts so many ranks of a command, lets them go when all have arrived, and checks what they said.
 */
async function startRanks(
  cluster: Cluster,
  ranks: number,
  command: readonly string[],
  expectedPrefix: RegExp,
): Promise<Outcome> {
  const nodes = cluster.nodes.length;
  const [script, arrived, gate] = ['script.py', 'arrived', 'gate'].map(
    n => `${cluster.shared}/${n}`,
  );
  rmSync(gate!, { force: true });
  // A rank that opens it to read waits, without costing anything, until it is opened to write.
  execFileSync('mkfifo', [gate!]);
  writeFileSync(script!, SCRIPT);
  writeFileSync(arrived!, '');
  const lines = () => readFileSync(arrived!, 'latin1').split('\n').length - 1;

  const before = available();
  let least = before;
  const began = now();
  let over = false;
  const output = outputOf(launch(cluster, ranks, [...command, script!, arrived!, gate!])).finally(
    () => {
      over = true;
    },
  );
  output.catch(() => {});
  while (lines() < ranks && !over) {
    least = Math.min(least, available());
    // The end of the cluster is the end of all ranks.
    if (least < FLOOR_BYTES) throw new Error(`${ranks} ranks do not fit into ${before} bytes`);
    await pause(LOOK_MS);
  }
  const seconds = (now() - began) / 1000;
  const running = available();
  if (over) await output;
  const opened = openSync(gate!, 'w');
  try {
    checkLines(await output, ranks, nodes, expectedPrefix);
  } finally {
    closeSync(opened);
  }
  return { seconds, running: before - running, peak: before - Math.min(least, running) };
}

/** Every rank has said its line, once, on as many nodes as there are, from where it should run. */
function checkLines(output: string, ranks: number, nodes: number, expectedPrefix: RegExp): void {
  const said = output
    .trim()
    .split('\n')
    .map(line => line.split(' '));
  const numbers = new Set(said.map(([rank]) => Number(rank)));
  const hosts = new Set(said.map(([, host]) => host));
  const wrong = said.filter(([, , prefix]) => !expectedPrefix.test(prefix ?? ''));
  const all = Array.from({ length: ranks }, (_, rank) => rank).every(rank => numbers.has(rank));
  if (said.length !== ranks || !all || hosts.size !== nodes || wrong.length > 0) {
    throw new Error(
      `${said.length} lines of ${numbers.size} ranks on ${hosts.size} nodes, ${wrong.length} from elsewhere`,
    );
  }
}

/** So many ranks on a cluster of their own. @returns cells of the table */
async function measure(ranks: number, nodes: number): Promise<readonly (string | number)[]> {
  const ours = [`${PROJECT}/bin/python-mpi`, '--packages', pythonPackage()];
  let cells: readonly (string | number)[] = [];
  await withCluster(
    nodes,
    async cluster => {
      const plain = await startRanks(cluster, ranks, ['/usr/bin/python3'], /^\/usr$/);
      const staged = await startRanks(cluster, ranks, ours, /^\/dev\/shm\/python-mpi-/);
      const left = await cluster.leftovers(30_000);
      if (left.length > 0) throw new Error(`left behind: ${left.slice(0, 3).join('; ')}`);
      const gigabytes = (bytes: number) => (bytes / 1e9).toFixed(2);
      cells = [
        `${ranks} of ${ranks}`,
        staged.seconds.toFixed(1),
        plain.seconds.toFixed(1),
        gigabytes(staged.peak),
        gigabytes(staged.running),
        gigabytes(plain.running),
      ];
    },
    { slurm: true },
  );
  return cells;
}

/**
 * Measures these numbers of ranks; one that does not work out is a line of the table, too. @returns
 * the table
 */
export async function measureRanks(counts: readonly number[]): Promise<string> {
  const rows: (string | number)[][] = [];
  for (const ranks of counts) {
    const nodes = Math.min(NODES, Math.max(1, ranks / RANKS_PER_NODE));
    const cells = await measure(ranks, nodes).catch(error => {
      console.error(error);
      process.exitCode = 1;
      return [`failed: ${String(error.message).split('\n')[0]!.slice(0, 80)}`, '', '', '', '', ''];
    });
    rows.push([ranks, `${nodes} x ${ranks / nodes}`, ...cells]);
  }
  return markdownTable(
    [
      'ranks',
      'nodes x ranks',
      'ran Python',
      'seconds to the last',
      'plain python3, s',
      'memory at most, GB',
      'while all run, GB',
      'plain, GB',
    ],
    rows,
  );
}

if (import.meta.main) {
  const counts = process.argv.slice(2).map(Number);
  console.log(await measureRanks(counts.length > 0 ? counts : [64, 256, 1024]));
}
