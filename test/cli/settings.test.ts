/**
 * Every setting wrong in every way one can think of, with the real program: one line, the status of
 * its kind, and nothing left.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Finished, leftovers, modulePackage, run } from '../support/job.ts';
import { scratch } from '../support/scratch.ts';

const hello = await modulePackage('hello', 'WORD = "first"\n');
const place = scratch();
const at = (name: string) => join(place, name);

writeFileSync(at('file'), 'this is no archive');
writeFileSync(at('garbage'), Buffer.alloc(1000, 0xfe), { mode: 0o755 });
writeFileSync(at('empty'), '', { mode: 0o755 });
writeFileSync(at('lost-script'), '#!/nonexistent/sh\n', { mode: 0o755 });
writeFileSync(at('foreign'), Buffer.from('\x7fELF\x01\x02\x01'.padEnd(64, '\0'), 'latin1'));
chmodSync(at('foreign'), 0o755);
mkdirSync(at('directory'));
mkdirSync(at('open'), { mode: 0o755 });
symlinkSync('loop', at('loop'));
execFileSync('mkfifo', [at('fifo')]);

/**
 * An environment of aprun, in which the ranks meet by a rendezvous file, and one of Slurm, in which
 * they need a secret.
 */
const ALPS = { ALPS_APP_PE: '0', ALPS_APP_ID: '1', PYTHON_MPI_TIMEOUT: '2' };
const slurm = {
  PYTHON_MPI_LAUNCHER: 'slurm',
  SLURM_PROCID: '0',
  SLURM_NODEID: '0',
  SLURM_LOCALID: '0',
  SLURM_JOB_ID: '1',
  SLURM_STEP_ID: '0',
  SLURM_NTASKS: '2',
  SLURM_STEP_NUM_TASKS: '2',
  SLURM_STEP_NODELIST: 'n0,n1',
  SLURM_STEP_TASKS_PER_NODE: '1(x2)',
  PYTHON_MPI_TIMEOUT: '2',
};

/** `\xff` stands for that byte, which no string can hold. */
type Case = readonly [value: string, status: number, env?: NodeJS.ProcessEnv];

const CASES: Record<string, readonly Case[]> = {
  PACKAGES: [
    [' ', 66],
    ['nope.tar', 66],
    [`nope.tar:${hello}`, 66],
    [`${hello}:nope.tar`, 66],
    ['line\nbreak', 66],
    ['\\xff.tar', 66],
    ['~/mine.tar', 66],
    [`${hello}/x`, 66],
    ['x'.repeat(5000), 74],
    ['/', 74],
    [at('directory'), 74],
    ['/dev/null', 74],
    [at('fifo'), 74],
    [at('loop'), 74],
    [at('file'), 65],
    [at('empty'), 65],
    [`${hello};${hello}`, 66],
    ['', 0],
    [':::', 0],
    [`:${hello}::`, 0],
    [`${hello}:${hello}`, 0],
  ],
  PKGROOT: [
    ['relative', 64],
    [' ', 64],
    ['~', 64],
    ['\\xff', 64],
    ['/nonexistent', 66],
    [at('file'), 66],
    ['/line\nbreak', 66],
    ['/\\xff', 66],
    ['/tmp:/usr', 66],
  ],
  CHROOT: [
    ['relative', 64],
    ['./relative', 64],
    [' ', 64],
    ['~/tmp', 64],
    ['\n/tmp', 64],
    ['/nonexistent', 73],
    ['/nonexistent:/tmp', 73],
    [at('file'), 73],
    [at('loop'), 73],
    ['/proc', 73],
    ['/dev/null', 73],
    ['/line\nbreak', 73],
    ['/\\xff', 73],
    [`/${'x'.repeat(300)}`, 71],
  ],
  PYTHON: [
    ['/nonexistent/python3', 127],
    ['nonesuch', 127],
    [' ', 127],
    ['line\nbreak', 127],
    ['/\\xff', 127],
    [at('directory'), 127],
    [at('file'), 127],
    [at('garbage'), 127],
    [at('empty'), 127],
    [at('lost-script'), 127],
    [at('foreign'), 127],
    [at('loop'), 127],
  ],
  LAUNCHER: [
    ['rocket', 64],
    [' ', 64],
    ['single ', 64],
    ['SINGLE', 64],
    ['single\n', 64],
    ['\\xff', 64],
    ['constructor', 64],
    ['hydra', 78],
    ['pmi-port', 78],
    ['embedded', 78],
    ['pmix', 78],
    ['pals', 78],
    ['slurm', 78],
    ['alps', 78],
  ],
  TIMEOUT: [
    ...[
      'soon',
      '0',
      '-5',
      ' ',
      '\n',
      'NaN',
      'Infinity',
      '1e9',
      '1,5',
      '5s',
      '5 s',
      '--',
      '٣',
      '\\xff',
    ].map(value => [value, 64] as const),
    ['0.000001', 75],
  ],
  KEEP: ['maybe', '2', '-1', ' ', 'ja', '\n', '\\xff'].map(value => [value, 64] as const),
  VERBOSE: ['maybe', '2', ' '].map(value => [value, 64] as const),
  TOLERATE_LOST_NODES: ['maybe', '2', ' '].map(value => [value, 64] as const),
  NODE: [
    '/nonexistent',
    '/',
    ' ',
    'line\nbreak',
    '\\xff',
    '/bin/true',
    '/bin/false',
    at('garbage'),
  ].map(value => [value, 79] as const),
  SIZE: ['x', '0', '-1', ' ', '1e3', '1.5', '99999999999', '0x10', '\\xff'].map(
    value => [value, 64, ALPS] as const,
  ),
  RENDEZVOUS: [
    ...['relative', ' ', '~', '\\xff'].map(
      value => [value, 64, { ...ALPS, PYTHON_MPI_SIZE: '2' }] as const,
    ),
    ...[
      '/proc/nonexistent',
      '/nonexistent/deep/down',
      at('file'),
      at('open'),
      at('loop'),
      '/line\n/break',
    ].map(value => [value, 80, { ...ALPS, PYTHON_MPI_SIZE: '2' }] as const),
    // A directory of the right kind: the other rank fails to come.
    [at('rendezvous'), 75, { ...ALPS, PYTHON_MPI_SIZE: '2' }],
  ],
  SECRET: [' ', 'x', 'short', 'fifteen bytes..'].map(value => [value, 64, slurm] as const),
  EMBEDDED: ['1', '0', 'x'].map(value => [value, 78] as const),
};

/** Runs a rank with this variable; the bytes that a string cannot hold are put in by a shell. */
function runWith(variable: string, value: string, env: NodeJS.ProcessEnv): Promise<Finished> {
  const printf = value.replace(/\\xff/g, '\\377').replace(/\n/g, '\\n').replace(/%/g, '%%');
  // The command substitution would cut a line break at the end.
  const script = `v=$(printf -- '${printf}.'); export ${variable}="\${v%.}"; exec "$@"`;
  const launcher = ['sh', '-c', script, 'sh'];
  const packages = variable.endsWith('_PKGROOT') ? 'some.tar' : hello;
  return run(['-c', 'pass'], {
    launcher,
    env: { PYTHON_MPI_PACKAGES: packages, ...env },
    ...(env.chroot === undefined ? {} : { chroot: env.chroot }),
  });
}

const settings = suite('settings that make no sense');

for (const [name, cases] of Object.entries(CASES)) {
  const variable = `PYTHON_MPI_${name}`;
  settings(`${variable} (${cases.length} values)`, async () => {
    const left = [...cases];
    const work = async () => {
      for (let next = left.pop(); next !== undefined; next = left.pop()) {
        const [value, status, env = {}] = next;
        const chroot = scratch();
        const done = await runWith(variable, value, { PYTHON_MPI_CHROOT: chroot, ...env });
        const about = `${variable}=${JSON.stringify(value.slice(0, 80))}: ${done.err}`;
        assert.is(done.signal, null, about);
        assert.is(done.status, status, about);
        if (status === 0) assert.is(done.err, '', about);
        else assert.match(done.err, /^python-mpi: [^\x00-\x1f\x7f-\x9f]+ \[[A-Z_]+\]\n$/, about);
        assert.equal(leftovers(chroot), [], about);
      }
    };
    await Promise.all([work(), work(), work()]);
  });
}

settings(
  'PYTHON_MPI_INTERFACE, where nodes have to be reached: one line for all ranks',
  async () => {
    const launcher = [
      'mpiexec.hydra',
      '-launcher',
      'fork',
      '-hosts',
      'localhost:1,127.0.0.1:1',
      '-n',
      '2',
    ];
    for (const value of ['nope0', ' ', 'lo:', 'lo lo', '127.0.0.1', 'line\nbreak', '__proto__']) {
      const chroot = scratch();
      const env = { PYTHON_MPI_INTERFACE: value };
      const done = await run(['--packages', hello, '-c', ''], { launcher, env, chroot });
      assert.is(done.status, 64, done.err);
      assert.is(done.told.length, 1, done.err);
      assert.match(
        done.told[0]!,
        /there is no interface .* with an address.* can be one of .*\[USAGE\]$/,
      );
      assert.equal(leftovers(chroot), []);
    }
  },
);

settings.run();
