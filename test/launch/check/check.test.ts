import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { advise, type Findings, paysFrom } from '../../../src/launch/check/advice.ts';
import { adviseAgainst, isShared, mountOf, parseMountinfo } from '../../../src/stage/mounts.ts';
import { scratch } from '../../support/scratch.ts';
import { member } from '../../support/tar-builder.ts';

const MOUNTINFO = `22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:21 / /dev/shm rw,nosuid shared:2 - tmpfs tmpfs rw
30 22 0:40 / /home rw,relatime shared:9 - nfs4 server:/home rw,vers=4.2
31 22 0:41 / /lustre/my\\040work rw - lustre 10.0.0.1@o2ib:/work rw
32 30 0:42 / /home/local rw master:1 propagate_from:2 - xfs /dev/sdb rw
33 22 0:43 / /home/over rw - nfs server:/a rw
34 22 0:44 / /home/over rw - tmpfs none rw
`;

const mounts = parseMountinfo(MOUNTINFO);

const mounted = suite('launch: mounts');

mounted('a path lies on the longest mount, and on the last of two', () => {
  for (const [path, at, type] of [
    ['/usr/lib', '/', 'ext4'],
    ['/home', '/home', 'nfs4'],
    ['/home/me/x', '/home', 'nfs4'],
    ['/homes/me', '/', 'ext4'],
    ['/home/local/me', '/home/local', 'xfs'],
    ['/home/over/x', '/home/over', 'tmpfs'],
    ['/lustre/my work/x', '/lustre/my work', 'lustre'],
  ] as const) {
    assert.equal(mountOf(path, mounts), { at, type }, path);
  }
});

mounted('a node-local directory that is shared is advised against', () => {
  assert.is(adviseAgainst('/dev/shm', mounts), undefined);
  assert.match(
    adviseAgainst('/home/me', mounts)!,
    /^\/home\/me is shared by all nodes \(nfs4 at \/home\), .* set PYTHON_MPI_CHROOT/,
  );
});

mounted('network file systems are shared, others are not', () => {
  const shared = (type: string) => isShared({ at: '/x', type });
  for (const type of [
    'nfs',
    'nfs4',
    'lustre',
    'gpfs',
    'beegfs',
    'ceph',
    '9p',
    'fuse.sshfs',
    'cifs',
  ])
    assert.ok(shared(type), type);
  for (const type of ['ext4', 'xfs', 'tmpfs', 'overlay', 'squashfs', 'fuse.squashfuse', 'nfsd'])
    assert.not.ok(shared(type), type);
});

mounted.run();

const advice = suite('launch: advice');

const local: Findings = {
  mounts,
  places: [{ name: 'PATH', paths: ['/usr/bin', '/home/local/bin'] }],
  lookups: { '/usr/lib/python3': 100 },
  missing: [],
  unpacked: undefined,
  free: 1e9,
  chroot: '/dev/shm',
};

advice('nothing shared, nothing to gain', () => {
  assert.equal(advise(local), [
    'nothing that is looked up lies on a shared file system',
    'imports: 100 path look-ups per rank, 0 of them on shared file systems',
    'packages: none (PYTHON_MPI_PACKAGES)',
    'staging: nothing to gain, the imports are local here; on the nodes this may differ',
  ]);
});

advice('each shared place is named, once with what to do', () => {
  const lines = advise({
    ...local,
    places: [
      { name: 'script', paths: ['/home/me/script.py'] },
      { name: 'PATH', paths: ['/usr/bin', '/home/me/bin', '/lustre/my work/bin'] },
    ],
    lookups: { '/home/me/env': 900, '/usr/lib': 100 },
    missing: ['numpy'],
    unpacked: 250e6,
    free: 100e6,
  });
  assert.equal(lines.slice(0, 2), [
    'script: /home/me/script.py is shared (nfs4 at /home)',
    '    keep it out of HOME: put it into a package, or copy it with python-mpi-bcast',
  ]);
  assert.equal(lines.slice(2, 4), [
    'PATH: /home/me/bin is shared (nfs4 at /home)',
    'PATH: /lustre/my work/bin is shared (lustre at /lustre/my work)',
  ]);
  assert.equal(lines.slice(5, 8), [
    'imports: 1000 path look-ups per rank, 900 of them on shared file systems',
    'imports: numpy cannot be imported here; not counted',
    'packages: 250 MB of node memory; /dev/shm has 100 MB free: too little; use another PYTHON_MPI_CHROOT',
  ]);
  assert.match(lines[8]!, /^staging pays from about 45 ranks/);
});

advice('the more there is to look up, the earlier staging pays', () => {
  assert.is(paysFrom(0, 0), undefined);
  assert.is(paysFrom(1000, 0), 20);
  assert.is(paysFrom(1000, 250e6), 40);
});

advice.run();

const whole = suite('launch: --check');
const PROGRAM = fileURLToPath(new URL('../../../bin/python-mpi', import.meta.url));

whole('imports are counted, and the script is not run', () => {
  const directory = scratch();
  const script = join(directory, 'script.py');
  writeFileSync(join(directory, 'beside.py'), '');
  writeFileSync(script, 'import beside\nfrom nowhere import x\nprint("was run")\n');
  const { status, stdout, stderr } = spawnSync(PROGRAM, ['--check', script], { encoding: 'utf8' });
  assert.is(status, 0, stderr);
  assert.not.match(stdout, 'was run');
  const [, count] = /^imports: (\d+) path look-ups per rank/m.exec(stdout) ?? [];
  assert.ok(Number(count) > 0, stdout);
  assert.match(stdout, /^imports: nowhere cannot be imported here/m);
  assert.not.match(stdout, 'beside cannot');
});

whole('scripts as Python reads them: marks of order, encodings, options with values', () => {
  const script = join(scratch(), 'script.py');
  for (const content of [
    '\xef\xbb\xbfimport nowhere\n',
    '# -*- coding: latin-1 -*-\n# caf\xe9\nimport nowhere\n',
  ]) {
    writeFileSync(script, Buffer.from(content, 'latin1'));
    for (const options of [[], ['-X', 'dev', '-W', 'ignore'], ['-BWignore']]) {
      const args = ['--check', ...options, script];
      const { status, stdout, stderr } = spawnSync(PROGRAM, args, { encoding: 'utf8' });
      assert.is(status, 0, stderr);
      assert.match(stdout, /^imports: nowhere cannot be imported here/m);
    }
  }
});

whole('imports that end the process are named, and the others counted; as JSON, too', () => {
  const directory = scratch();
  writeFileSync(join(directory, 'aborts.py'), 'import os; os.abort()\n');
  writeFileSync(join(directory, 'leaves.py'), 'import os; os._exit(0)\n');
  writeFileSync(join(directory, 'beside.py'), '');
  const script = join(directory, 'script.py');
  writeFileSync(script, 'import aborts\nimport leaves\nimport beside\n');
  const args = ['--check', '--json', script];
  const { status, stdout, stderr } = spawnSync(PROGRAM, args, { encoding: 'utf8' });
  assert.is(status, 0, stderr);
  const { missing, lookups, lines } = JSON.parse(stdout);
  assert.equal(missing, ['aborts', 'leaves']);
  assert.ok(lookups[directory] > 0, stdout);
  assert.ok(Array.isArray(lines));
});

whole('packages are measured unpacked, in all formats, and a corrupt one is named', () => {
  const directory = scratch();
  const tar = Buffer.concat([
    member({ name: 'zeros', content: Buffer.alloc(5_000_000) }),
    Buffer.alloc(1024),
  ]);
  // In two parts, as python-mpi-bundle writes them: the last one alone says little of the size.
  const parts = [tar.subarray(0, 4_000_000), tar.subarray(4_000_000)];
  const contents = {
    'a.tar': tar,
    'a.tar.gz': Buffer.concat(parts.map(part => gzipSync(part))),
    'a.tar.zst': Buffer.concat(parts.map(part => zstdCompressSync(part))),
    'cut.tar.gz': gzipSync(tar).subarray(0, -100),
  };
  for (const [name, content] of Object.entries(contents)) {
    const packages = join(directory, name);
    writeFileSync(packages, content);
    const args = ['--check', '--packages', packages, '-c', 'pass'];
    const { status, stdout, stderr } = spawnSync(PROGRAM, args, { encoding: 'utf8' });
    if (name.startsWith('cut')) {
      assert.is(status, 65);
      assert.match(
        stderr,
        /^python-mpi: package .*cut\.tar\.gz is corrupt: .*\[CORRUPT_PACKAGE\]\n$/,
      );
    } else {
      assert.match(stdout, /^packages: 6 MB of node memory; /m, stderr);
    }
  }
});

whole('a script that is not there, in one line', () => {
  const { status, stderr } = spawnSync(PROGRAM, ['--check', '/no/script.py'], { encoding: 'utf8' });
  assert.is(status, 64);
  assert.is(stderr, 'python-mpi: cannot read /no/script.py: ENOENT [USAGE]\n');
});

whole.run();
