/**
 * The cluster in a box itself: that nodes are apart where nodes are apart, and that nothing of it
 * stays.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PROJECT, whyNoCluster, withCluster } from './cluster.ts';

const bed = suite('bed');
const reason = whyNoCluster();
const test = reason === undefined ? bed : bed.skip;
if (reason !== undefined) console.log(`skipped: ${reason}`);

/** Where beds keep what they must remember. */
const uid = process.getuid!();
const BEDS = uid === 0 ? '/run/python-mpi-bed' : `/var/tmp/python-mpi-bed.${uid}`;

/** Non-empty lines, sorted: ranks print in any order. */
function lines(text: string): string[] {
  return text.split('\n').filter(Boolean).sort();
}

test('nodes have names, addresses, /tmp and /dev/shm of their own', () =>
  withCluster(4, async cluster => {
    for (const [i, node] of cluster.nodes.entries()) {
      assert.is((await cluster.on(node, ['hostname'])).stdout, `${node}\n`);
      const seen = await cluster.on('n3', ['getent', 'hosts', node]);
      assert.match(seen.stdout, new RegExp(`^10\\.77\\.0\\.${i + 1} +${node}\n$`));
    }
    const name = `python-mpi-bed-${process.pid}`;
    for (const directory of ['/tmp', '/dev/shm']) {
      await cluster.on('n0', ['touch', `${directory}/${name}`]);
      assert.is((await cluster.on('n0', ['test', '-e', `${directory}/${name}`])).status, 0);
      assert.is((await cluster.on('n1', ['test', '-e', `${directory}/${name}`])).status, 1);
      assert.not.ok(existsSync(`${directory}/${name}`));
    }
  }));

test('a bed of eight nodes', () =>
  withCluster(8, async cluster => {
    const { stdout } = await cluster.run('aprun', ['-n', '8', '-N', '1', 'hostname']);
    assert.equal(lines(stdout), [...cluster.nodes]);
  }));

test('a command has a time limit and its own status', () =>
  withCluster(1, async cluster => {
    assert.is((await cluster.on('n0', ['sh', '-c', 'exit 7'])).status, 7);
    assert.is((await cluster.on('n0', ['sleep', '60'], { timeoutMs: 100 })).status, 124);
    assert.equal(await cluster.leftovers(), []);
  }));

test('leftovers are seen', () =>
  withCluster(2, async cluster => {
    await cluster.on('n1', [
      'sh',
      '-c',
      'mkdir -p /dev/shm/python-mpi-0/x; setsid sleep 1000 >/dev/null 2>&1 &',
    ]);
    const found = await cluster.leftovers(0);
    assert.is(found.length, 2);
    assert.match(found[0]!, /^n1 \d+ sleep 1000/);
    assert.is(found[1], 'n1 /dev/shm/python-mpi-0/x');
  }));

test('cables can be cut and mended, plugs pulled', () =>
  withCluster(2, async cluster => {
    const listener = 'import socket; s=socket.create_server(("", 7000)); s.accept()';
    const dial = 'import socket; socket.create_connection(("n1", 7000), timeout=1)';
    const listening = cluster.on('n1', ['/usr/bin/python3', '-c', listener]);
    const dialled = () => cluster.on('n0', ['/usr/bin/python3', '-c', dial]);

    await cluster.link('n1', 'down');
    const refused = await dialled();
    assert.is(refused.status, 1);
    assert.match(refused.stderr, /timed out|No route to host/);
    await cluster.link('n1', 'up');
    await cluster.shape('n1', '1gbit');
    while ((await dialled()).status !== 0);
    assert.is((await listening).status, 0);
    await cluster.shape('n1', 'off');

    const sleeping = cluster.on('n1', ['sleep', '60']);
    await cluster.kill('n1');
    assert.is((await sleeping).status, 137);
    assert.match((await cluster.on('n1', ['true'])).stderr, /was killed/);
    assert.is((await cluster.on('n0', ['true'])).status, 0);
  }));

test('nothing stays of a bed that is killed while it comes up', async () => {
  const name = `test-${process.pid}-killed`;
  const env = { ...process.env, BED: name };
  const up = spawn(`${PROJECT}/test/cluster/bed`, ['up', '8', '--no-slurm'], {
    env,
    stdio: 'ignore',
  });
  const ended = once(up, 'close');
  // The first nodes are there, the last ones are not.
  const early = `${BEDS}/${name}/pids/n1`;
  while (!existsSync(early) && up.exitCode === null) await new Promise(setImmediate);
  up.kill('SIGKILL');
  await ended;
  assert.is(spawnSync(`${PROJECT}/test/cluster/bed`, ['down'], { env }).status, 0);
  assert.equal(
    readdirSync(BEDS).filter(file => file.includes(name)),
    [],
  );
  const { stdout } = spawnSync('ps', ['-e', '-o', 'args='], { encoding: 'utf8' });
  assert.not.match(stdout, `${BEDS}/${name}`);
});

bed.run();
