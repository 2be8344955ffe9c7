import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseCommandLine } from '../../src/cli/command-line.ts';
import { configure } from '../../src/cli/configuration.ts';

const parse = (...argv: string[]) => parseCommandLine(argv, '1.2.3');

async function usageError(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (thrown: { code?: string; toLine?: () => string }) => thrown,
  );
  assert.is(error?.code, 'USAGE');
  return error!.toLine!();
}

const line = suite('cli/command-line');

for (const words of [
  ['script.py', '--packages', 'mine', '-n', '4', '--help'],
  ['-c', 'print(1)', '--verbose'],
  ['-m', 'timeit', '--', '-n', '5'],
  ['-u', '-X', 'dev', 'script.py'],
  ['-V'],
  ['-'],
  ['--check-hash-based-pycs', 'always', 'script.py'],
  ['--', '--packages'],
  ['', 'a  b', 'ü'],
  [],
]) {
  line(`all of it is Python's: ${JSON.stringify(words)}`, async () => {
    const { python, options, ranks } = await parse(...words);
    assert.equal(python, words);
    assert.equal(options, {});
    assert.is(ranks, undefined);
  });
}

line('our options come first, with the value apart or attached', async () => {
  const { python, options, ranks } = await parse(
    '--packages',
    'a:b',
    '--chroot=/tmp',
    '-n',
    '4',
    '--keep',
    's.py',
    '--keep',
  );
  assert.equal(options, { packages: 'a:b', chroot: '/tmp', keep: 'true' });
  assert.is(ranks, 4);
  assert.equal(python, ['s.py', '--keep']);
  assert.is((await parse('-n2', 's.py')).ranks, 2);
  const dashed = await parse('--tolerate-lost-nodes', 's.py');
  assert.equal(dashed.options, { 'tolerate-lost-nodes': 'true' });
  assert.is(configure(dashed.options, {}, '/').tolerateLostNodes, true);
  assert.is(configure({}, { PYTHON_MPI_TOLERATE_LOST_NODES: '1' }, '/').tolerateLostNodes, true);
});

line('mistakes are one usage line', async () => {
  assert.match(
    await usageError(parse('--pakages', 'x', 's.py')),
    /unknown option '--pakages'.*Did you mean --packages/,
  );
  assert.match(await usageError(parse('--packages')), /argument missing/);
  for (const count of ['0', '-1', '4x', '1e3', '']) {
    assert.match(await usageError(parse('-n', count, 's.py')), /-n is/);
  }
  assert.match(await usageError(parse('-n')), /argument missing/);
});

line('help and version are printed, not run', async () => {
  const { print } = await parse('--help');
  assert.match(print!, /^Usage: python-mpi /);
  assert.match(print!, /PYTHON_MPI_PACKAGES/);
  assert.is((await parse('--version')).print, '1.2.3\n');
});

const configuration = suite('cli/configuration');

configuration('the option wins over the variable, and an empty variable is none', () => {
  const env = { PYTHON_MPI_PACKAGES: 'x.tar', PYTHON_MPI_CHROOT: '', PYTHON_MPI_VERBOSE: '1' };
  const got = configure({ packages: 'a.tar.gz::/b.tar' }, env, '/cwd');
  assert.equal(got.packages, ['a.tar.gz', '/b.tar']);
  assert.is(got.chroot, '/dev/shm');
  assert.is(got.pkgroot, '/cwd');
  assert.is(got.verbose, true);
  assert.is(got.keep, false);
  assert.is(got.timeout, 600_000);
});

for (const [variable, value] of [
  ['PYTHON_MPI_TIMEOUT', 'soon'],
  ['PYTHON_MPI_TIMEOUT', '0'],
  ['PYTHON_MPI_TIMEOUT', '-5'],
  ['PYTHON_MPI_TIMEOUT', 'Infinity'],
  ['PYTHON_MPI_TIMEOUT', '1e9'],
  ['PYTHON_MPI_KEEP', 'maybe'],
  ['PYTHON_MPI_VERBOSE', '2'],
  ['PYTHON_MPI_CHROOT', 'relative/dir'],
  ['PYTHON_MPI_PKGROOT', '~/packages'],
] as const) {
  configuration(`${variable}=${value} is refused by name`, () => {
    assert.throws(
      () => configure({}, { [variable]: value }, '/'),
      (error: { code: string; message: string }) =>
        error.code === 'USAGE' && error.message.includes(variable),
    );
  });
}

line.run();
configuration.run();
