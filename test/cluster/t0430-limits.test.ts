/**
 * Nodes that are short of something: room, inodes, descriptors, addresses, memory. One node of four
 * has the fault, real mpiexec.hydra starts the ranks, and the job either works or says so once,
 * with the node's name, and leaves nothing.
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { pause } from '../../src/deadline.ts';
import { type Cluster, type Finished, PROJECT, whyNoCluster, withCluster } from './cluster.ts';

const limits = suite('limits');
const reason = whyNoCluster();
const test = reason === undefined ? limits : limits.skip;
if (reason !== undefined) console.log(`skipped: ${reason}`);

const VICTIM = 'n2';
const MEMORY_GROUPS = '/sys/fs/cgroup/memory';

/** `aside.sh SETUP CMD...`: becomes the command, on the victim after the set-up. */
const ASIDE = `#!/bin/sh
setup=$1; shift
[ "$(hostname)" != ${VICTIM} ] || eval "$setup"
exec "$@"
`;
const SCRIPT = `
import os, socket, staged
os.write(1, (socket.gethostname() + "\\n").encode())
`;
const ALL = ['n0', 'n1', 'n2', 'n3'];

/** 8 MB that do not shrink in many files, and 40 MB that do. */
const PACK = `
mkdir -p tree/lib/python3/dist-packages tree/many && cd tree
echo >lib/python3/dist-packages/staged.py
for i in $(seq 200); do head -c 40000 /dev/urandom >many/$i; done
tar -czf ../plain.tar.gz . && head -c 40000000 /dev/zero >zero && tar --zstd -cf ../hollow.tar.zst .
cd .. && rm -r tree
`;

/** What a job is to do on the cluster. */
interface Job {
  /** Done on the victim before the rank becomes python-mpi. */
  setup?: string;
  /** Done by every rank. */
  all?: string;
  options?: readonly string[];
  packages?: string;
}

/** One rank on each node. */
function run(
  cluster: Cluster,
  { setup = 'true', all, options = [], packages }: Job,
): Promise<Finished> {
  const around = all === undefined ? [] : ['sh', '-c', `${all}; exec "$@"`, 'sh'];
  return cluster.run(
    'hydra',
    [
      ...['-n', '4', '-ppn', '1', ...around, `${cluster.shared}/aside.sh`, setup],
      ...[`${PROJECT}/bin/python-mpi`, ...options, `${cluster.shared}/script.py`],
    ],
    {
      env: {
        PYTHON_MPI_PACKAGES: packages ?? 'plain.tar.gz',
        PYTHON_MPI_PKGROOT: cluster.shared,
        PYTHON_MPI_PYTHON: '/usr/bin/python3',
      },
    },
  );
}

function works({ status, stdout, stderr }: Finished): void {
  assert.is(status, 0, stderr);
  assert.equal(stdout.split('\n').filter(Boolean).sort(), ALL);
  assert.is(stderr, '');
}

function fails({ status, stdout, stderr }: Finished, expected: number, line: RegExp): void {
  assert.is(status, expected, stderr);
  assert.is(stdout, '');
  const told = stderr.match(/^python-mpi: .*$/gm) ?? [];
  assert.is(told.length, 1, stderr);
  assert.match(told[0]!, line);
}

/**
 * Makes /tmp/room on all nodes; on the victim it is a file system of its own with these options.
 */
async function makeRoom(cluster: Cluster, options: string): Promise<readonly string[]> {
  const away = 'umount /tmp/room 2>/dev/null; mkdir -p /tmp/room';
  for (const node of cluster.nodes) {
    const mount = node === VICTIM ? `; mount -t tmpfs -o ${options} none /tmp/room` : '';
    const { status, stderr } = await cluster.on(node, ['sh', '-c', `${away}${mount}`]);
    assert.is(status, 0, stderr);
  }
  return ['--chroot', '/tmp/room'];
}

/** What is left in a directory besides the user's lock, on all nodes. */
async function left(cluster: Cluster, directory: string): Promise<string> {
  const look = ['find', directory, '-mindepth', '2', '!', '-name', 'lock'];
  const all = await Promise.all(cluster.nodes.map(node => cluster.on(node, look)));
  return all.map(({ stdout }) => stdout).join('');
}

/** A cluster with the package and the programs above. */
function onFourNodes(body: (cluster: Cluster) => Promise<void>): () => Promise<void> {
  return () =>
    withCluster(4, async cluster => {
      writeFileSync(`${cluster.shared}/aside.sh`, ASIDE, { mode: 0o755 });
      writeFileSync(`${cluster.shared}/script.py`, SCRIPT);
      assert.is((await cluster.on('head', ['sh', '-ec', PACK])).status, 0);
      await body(cluster);
      assert.equal(await cluster.leftovers(), []);
    });
}

test(
  'no room: seen before, met on the way, and not to be written to',
  onFourNodes(async cluster => {
    const chroot = await makeRoom(cluster, 'size=4m');
    const before = await run(cluster, { options: chroot });
    fails(
      before,
      72,
      /\/tmp\/room\/.* has 4 MB free where \d+ MB are needed on n2; .*\[NO_SPACE\]/,
    );
    assert.is(await left(cluster, '/tmp/room'), '');

    await makeRoom(cluster, 'size=20m');
    const during = await run(cluster, { options: chroot, packages: 'hollow.tar.zst' });
    fails(during, 72, /cannot write .*: ENOSPC on n2; .*\[NO_SPACE\]/);
    assert.is(await left(cluster, '/tmp/room'), '');

    await makeRoom(cluster, 'nr_inodes=60');
    const inodes = await run(cluster, { options: chroot });
    fails(inodes, 72, /ENOSPC on n2; free some memory or inodes .*\[NO_SPACE\]/);
    assert.is(await left(cluster, '/tmp/room'), '');

    await makeRoom(cluster, 'ro');
    const readOnly = await run(cluster, { options: chroot });
    fails(readOnly, 73, /cannot make \/tmp\/room\/.*: EROFS on n2; .*\[CHROOT_UNUSABLE\]/);
  }),
);

test(
  'few descriptors and a package directory that cannot be written to are enough',
  onFourNodes(async cluster => {
    works(await run(cluster, { all: 'ulimit -n 256' }));
    const { shared } = cluster;
    for (const node of cluster.nodes) {
      const mount = `mount --bind ${shared} ${shared} && mount -o remount,bind,ro ${shared}`;
      assert.is((await cluster.on(node, ['sh', '-c', mount])).status, 0);
    }
    assert.is.not((await cluster.on('n0', ['touch', `${shared}/x`])).status, 0);
    works(await run(cluster, {}));
  }),
);

test(
  'files that may not grow, too few addresses: told, not crashed of',
  onFourNodes(async cluster => {
    const files = await run(cluster, { setup: 'ulimit -f 20' });
    fails(files, 72, /cannot write .*: EFBIG on n2; raise the limit .*\[NO_SPACE\]/);
    const { stderr, status } = await run(cluster, { all: 'ulimit -v 3000000' });
    assert.is.not(status, 0);
    const told = stderr.match(/^python-mpi: .*$/gm);
    assert.is(told?.length, 1, stderr);
    assert.match(told![0]!, /limited to 3000 MB on n0 where Node needs 6000; .*\[NO_RUNTIME\]$/);
    assert.not.match(stderr, /stack trace/);
    works(await run(cluster, { all: 'ulimit -v 6000000' }));
  }),
);

/** The memory group of this process. */
function ownGroup(): string {
  const membership = readFileSync('/proc/self/cgroup', 'utf8');
  return /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/m.exec(membership)![1]!;
}

const noGroups = existsSync(`${MEMORY_GROUPS}/memory.limit_in_bytes`)
  ? undefined
  : 'no memory controller of control groups in version 1 here';
if (noGroups !== undefined) console.log(`skipped: ${noGroups}`);

(noGroups === undefined ? test : limits.skip)(
  'a memory limit that strikes on the way: the node is named, and the next job works',
  onFourNodes(async cluster => {
    // Below the group that this process is in: whatever limits it goes on to.
    const group = `${MEMORY_GROUPS}${ownGroup()}/python-mpi-test-${process.pid}`;
    mkdirSync(group);
    try {
      const enter = `echo $$ >${group}/cgroup.procs`;
      const limit = (bytes: number) =>
        writeFileSync(`${group}/memory.limit_in_bytes`, String(bytes));
      limit(200_000_000);
      works(await run(cluster, { setup: enter }));
      // What the processes of a leader take leaves less than 30 MB.
      limit(90_000_000);
      const hollow = { setup: enter, packages: 'hollow.tar.zst' };
      const killed = await run(cluster, hollow);
      // The kernel kills the leader's Node, and the starter says so.
      assert.is.not(killed.status, 0);
      assert.match(
        killed.stderr,
        /^python-mpi: the leader of node n2 was killed by signal 9 before Python ran/m,
      );
      assert.not.match(killed.stdout, /^n\d$/m);
      // Who was killed by the kernel could not clean up, and maybe its janitor was killed, too.
      works(await run(cluster, {}));
    } finally {
      while (readFileSync(`${group}/cgroup.procs`, 'utf8') !== '') await pause(50);
      rmdirSync(group);
    }
  }),
);

limits.run();
