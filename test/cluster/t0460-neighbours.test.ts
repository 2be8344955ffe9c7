/**
 * Two jobs on the same nodes with the same packages at the same time, of one user and of two, under
 * real Slurm. One of them is killed without a word: the other does not notice, and no user reads
 * what is another's.
 */
import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { installIn } from '../support/installed.ts';
import { type Cluster, type Running, whyNoCluster, withCluster } from './cluster.ts';

const neighbours = suite('neighbours');
const reason = whyNoCluster({ slurm: true });
const test = reason === undefined ? neighbours : neighbours.skip;
if (reason !== undefined) console.log(`skipped: ${reason}`);

/** Slurm wants users that the machine has: two that every Debian has, by their numbers. */
const [FIRST, SECOND] = [33, 65534];

/** Looks at the other users' directories, and imports something after the other job was killed. */
const SCRIPT = `
import os, sys, time
def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())
import staged
prefix = staged.__file__.split("/lib/")[0]
say("runs", os.getuid(), oct(os.stat(prefix).st_mode & 0o777), prefix)
while not os.path.exists(sys.argv[1]):
    time.sleep(0.1)
for name in sorted(os.listdir("/dev/shm")):
    if name == f"python-mpi-{os.getuid()}":
        continue
    for look in (os.listdir, lambda path: open(path + "/lock").close()):
        try:
            look("/dev/shm/" + name)
            say("reads", name)
        except PermissionError:
            say("kept out of", name)
import late
say("ends", os.getuid())
`;
const PACK = `
mkdir -p tree/lib/python3/dist-packages && cd tree
for module in staged late; do echo >lib/python3/dist-packages/$module.py; done
tar -czf ../p.tar.gz . && rm -r ../tree
`;

/** Starts a job on two ranks of each of two nodes, and waits until Python runs on all. */
async function start(cluster: Cluster, name: string, uid: number): Promise<Running> {
  const script = `${cluster.shared}/${name}.py`;
  writeFileSync(script, SCRIPT, { mode: 0o644 });
  const args = [`--uid=${uid}`, `--gid=${uid}`, '--mpi=none', '-N2', '-n4', '--ntasks-per-node=2'];
  const program = [`${cluster.shared}/installed/bin/python-mpi`, script, `${cluster.shared}/go`];
  const job = cluster.start('srun', [...args, ...program], {
    env: {
      HOME: '/nonexistent',
      PYTHON_MPI_PACKAGES: `${cluster.shared}/p.tar.gz`,
      PYTHON_MPI_PYTHON: '/usr/bin/python3',
    },
  });
  await job.says(said => said.split(`runs ${uid} `).length - 1 === 4);
  return job;
}

/** Lines that say this. */
function count(stdout: string, what: string): number {
  return stdout.split('\n').filter(line => line.startsWith(what)).length;
}

function onTwoNodes(body: (cluster: Cluster) => Promise<void>): () => Promise<void> {
  return () =>
    withCluster(
      2,
      async cluster => {
        chmodSync(cluster.shared, 0o755);
        mkdirSync(`${cluster.shared}/installed`);
        installIn(`${cluster.shared}/installed`);
        assert.is((await cluster.on('head', ['sh', '-ec', PACK])).status, 0);
        await body(cluster);
        assert.equal(await cluster.leftovers(), []);
      },
      { slurm: true },
    );
}

/** Kills every process of a job, its janitors after those who might need them. */
async function kill(cluster: Cluster, name: string): Promise<void> {
  for (const node of cluster.nodes) {
    const struck = await cluster.signal(node, 'SIGKILL', `/${name}\\.py`);
    // Two ranks, and the Python of the one that leads if it was not gone with it.
    assert.ok(struck.length >= 2, struck.join('\n'));
  }
}

for (const [whose, users] of Object.entries({
  'one user': [FIRST, FIRST],
  'two users': [FIRST, SECOND],
})) {
  test(
    `${whose}: a job is not disturbed by the end of another`,
    onTwoNodes(async cluster => {
      const [killed, kept] = await Promise.all([
        start(cluster, 'killed', users[0]!),
        start(cluster, 'kept', users[1]!),
      ]);
      const before = await cluster.on('n0', ['sh', '-c', 'ls -d /dev/shm/python-mpi-*/prefix-*']);
      assert.is(before.stdout.split('\n').filter(Boolean).length, new Set(users).size);
      await kill(cluster, 'killed');
      assert.is.not((await killed.ended).status, 0);
      writeFileSync(`${cluster.shared}/go`, '');
      const { status, stdout, stderr } = await kept.ended;
      assert.is(status, 0, stderr);
      assert.is(count(stdout, `ends ${users[1]}`), 4, stdout);
      assert.is(count(stdout, 'reads'), 0, stdout);
      // Two ranks on each node try twice, where there is another user's directory at all.
      const others = users[0] === users[1] ? 0 : 8;
      assert.is(count(stdout, `kept out of python-mpi-${users[0]}`), others, stdout);
      for (const line of stdout.match(/^runs .*$/gm)!) assert.match(line, / 0o[57]00 /);
      rmSync(`${cluster.shared}/go`);
      assert.not.ok(existsSync(`${cluster.shared}/go`));
    }),
  );
}

neighbours.run();
