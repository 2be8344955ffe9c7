/**
 * python-mpi-bcast over four nodes, under real launchers: what arrives, what is sent again, and
 * what is left behind when one node cannot take it or loses its leader.
 */
import { randomBytes } from 'node:crypto';
import { appendFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Cluster, type Finished, PROJECT, whyNoCluster, withCluster } from './cluster.ts';

const bcast = suite('bcast');
const reason = whyNoCluster({ slurm: true });
const test = reason === undefined ? bcast : bcast.skip;
if (reason !== undefined) console.log(`skipped: ${reason}`);

const PROGRAM = `${PROJECT}/bin/python-mpi-bcast`;
const env = { PYTHON_MPI_SECRET: randomBytes(16).toString('hex') };

/** Two ranks on each node. */
function hydra(cluster: Cluster, ...args: string[]): Promise<Finished> {
  return cluster.run('hydra', ['-n', '8', '-ppn', '2', PROGRAM, ...args]);
}

/** A tree of a large file, a small one and a link, where all nodes see it. */
function makeTree(cluster: Cluster): string {
  const tree = `${cluster.shared}/tree`;
  mkdirSync(`${tree}/d`, { recursive: true });
  writeFileSync(`${tree}/big`, randomBytes(8_000_000));
  writeFileSync(`${tree}/d/small`, 'first\n', { mode: 0o750 });
  symlinkSync('../big', `${tree}/d/link`);
  return tree;
}

/** What `script` prints on every node, with the tree as $1. */
async function everywhere(cluster: Cluster, script: string, tree: string): Promise<string[]> {
  const all = await Promise.all(
    cluster.nodes.map(node => cluster.on(node, ['sh', '-c', script, 'sh', tree])),
  );
  return all.map(({ stdout, stderr }) => stdout + stderr);
}

const DIFFER =
  'diff -r --no-dereference "$1" /dev/shm/copy && stat -c "%a %Y" "$1/d/small" /dev/shm/copy/d/small';

function bytesSent({ stdout, stderr }: Finished): number {
  const [, bytes] = /^(\d+) bytes to 4 nodes in /.exec(stdout) ?? [];
  assert.ok(bytes, `${stdout}${stderr}`);
  return Number(bytes);
}

test('a tree arrives on every node, is not sent again, and after an edit only what changed is', () =>
  withCluster(4, async cluster => {
    const tree = makeTree(cluster);
    assert.ok(bytesSent(await hydra(cluster, tree, '/dev/shm/copy')) > 8_000_000);
    for (const seen of await everywhere(cluster, DIFFER, tree)) {
      const [source, copy, ...rest] = seen.split('\n');
      assert.match(source!, /^750 \d+$/, seen);
      assert.is(copy, source);
      assert.equal(rest, ['']);
    }
    assert.match((await hydra(cluster, tree, '/dev/shm/copy')).stdout, /^4 nodes had it already, /);

    appendFileSync(`${tree}/d/small`, 'second\n');
    assert.ok(bytesSent(await hydra(cluster, tree, '/dev/shm/copy')) < 100_000);
    for (const seen of await everywhere(cluster, DIFFER, tree)) assert.match(seen, /^750 /, seen);

    // One node that does not hold what the others do gets all of it.
    await cluster.on('n2', ['rm', '-r', '/dev/shm/copy']);
    appendFileSync(`${tree}/d/small`, 'third\n');
    assert.ok(bytesSent(await hydra(cluster, tree, '/dev/shm/copy')) > 8_000_000);
    for (const seen of await everywhere(cluster, DIFFER, tree)) assert.match(seen, /^750 /, seen);
    assert.equal(await everywhere(cluster, 'ls -A /dev/shm', tree), Array(4).fill('copy\n'));
  }));

test('a node without room: all say so by its name, and nobody has anything', () =>
  withCluster(4, async cluster => {
    const tree = makeTree(cluster);
    const mount = 'mkdir /tmp/small && mount -t tmpfs -o size=4m none /tmp/small';
    for (const node of cluster.nodes) {
      const script = node === 'n3' ? mount : 'mkdir /tmp/small';
      assert.is((await cluster.on(node, ['sh', '-c', script])).status, 0);
    }
    const { status, stdout, stderr } = await hydra(cluster, tree, '/tmp/small/copy');
    assert.is(status, 72, stderr);
    assert.is(stdout, '');
    assert.match(
      stderr,
      /^python-mpi-bcast: \/tmp\/small has \d+ MB free where \d+ MB are needed on n3; /,
    );
    assert.equal(await everywhere(cluster, 'ls -A /tmp/small', tree), Array(4).fill(''));
  }));

test('a node leader that is killed leaves nothing partial', () =>
  withCluster(4, async cluster => {
    const big = `${cluster.shared}/big`;
    writeFileSync(big, randomBytes(20_000_000));
    for (const node of cluster.nodes) await cluster.shape(node, '100mbit');
    const running = hydra(cluster, big, '/dev/shm/big');
    const wait =
      'while ! ls /dev/shm/.python-mpi-bcast-*/tree >/dev/null 2>&1; do sleep 0.02; done';
    const kill =
      'for p in $(pgrep -f "[p]ython-mpi-bcast.cjs"); do if [ "$(readlink /proc/$p/ns/uts)" = "$(readlink /proc/self/ns/uts)" ]; then kill -9 $p; fi; done';
    const killed = await cluster.on('n3', ['sh', '-c', `${wait}; ${kill}`]);
    assert.is(killed.status, 0, killed.stderr);
    assert.is.not((await running).status, 0);
    assert.equal(await cluster.leftovers(), []);
    assert.equal(await everywhere(cluster, 'ls -A /dev/shm', big), Array(4).fill(''));
  }));

test('files and packages under Slurm', () =>
  withCluster(
    4,
    async cluster => {
      const file = `${cluster.shared}/input`;
      writeFileSync(file, 'data\n', { mode: 0o640 });
      const srun = (...args: string[]) =>
        cluster.run('srun', ['--mpi=none', '-N4', '-n8', PROGRAM, ...args], { env });
      assert.ok(bytesSent(await srun(file, '/tmp/new/place/')) > 0);
      const seen = await everywhere(cluster, 'cat /tmp/new/place/input', file);
      assert.equal(seen, Array(4).fill('data\n'));

      const pack = `tar -czf package.tar.gz -C ${cluster.shared} input`;
      assert.is((await cluster.on('head', ['sh', '-c', pack])).status, 0);
      const extract = () => srun('--extract', `${cluster.shared}/package.tar.gz`, '/tmp/package');
      assert.ok(bytesSent(await extract()) > 0);
      assert.match((await extract()).stdout, /^4 nodes had it already, /);
      await cluster.on('n1', ['rm', '/tmp/package/input']);
      assert.match((await extract()).stdout, / bytes to 1 node in .*; 3 nodes had it already\n$/);
      const unpacked = await everywhere(cluster, 'cat /tmp/package/input', file);
      assert.equal(unpacked, Array(4).fill('data\n'));
    },
    { slurm: true },
  ));

bcast.run();
