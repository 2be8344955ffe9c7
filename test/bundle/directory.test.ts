/** Plain directories: where Python finds what is in them, and what is no directory. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { scratch } from '../support/scratch.ts';
import {
  bundle,
  command,
  files,
  must,
  PYTHON,
  packaged,
  sitePackages,
  staged,
  venv,
} from './support.ts';

const env = { ...process.env, PATH: '/usr/bin:/bin' };
const directories = suite('directories');

directories('a package of Python is found wherever --at puts it', async () => {
  const code = files(join(scratch(), 'code'), { '__init__.py': '', 'sub/x.py': 'N = 7\n' });
  const { prefix, stderr } = await packaged(['--dir', 'code', '--at', 'lib/mycode'], {
    cwd: join(code, '..'),
    env,
  });
  assert.is(stderr, '');
  const found = 'import mycode.sub.x as x; print(x.N, x.__cached__)';
  const cached = join(sitePackages(prefix), 'mycode/sub/__pycache__/x.');
  const said = must(PYTHON, ['-c', found], { env: staged(prefix) });
  assert.ok(said.startsWith(`7 ${cached}`), said);
});

directories('of modules that Python would not find the user is told where it looks', async () => {
  const code = files(scratch(), { 'helper.py': '', 'pkg/__init__.py': '' });
  for (const at of [[], ['--at', 'lib/mine']]) {
    const { stderr } = await packaged(['--dir', code, ...at, '--source-only'], { env });
    assert.match(stderr, /does not look for helper.py, pkg\/__init__.py .*--at lib\/python3\.\d+/);
  }
  const { prefix } = await packaged(['--dir', code], { env });
  const site = sitePackages(prefix).slice(prefix.length + 1);
  const inSite = await packaged(['--dir', code, '--at', site], { env });
  assert.is(inSite.stderr, '');
  must(PYTHON, ['-c', 'import helper, pkg'], { env: staged(inSite.prefix) });
});

directories('byte code is made by the Python that the package brings', async () => {
  const other = files(scratch(), { python: `#!/bin/sh\nexec ${PYTHON} "$@"\n` });
  const { root, site } = venv();
  files(site, { 'pkg.py': '' });
  const args = ['--venv', root, '--with-base', '--exclude', 'lib/python3*/[!ps]*'];
  // What is named with --python is for pip and the user base.
  const { manifest } = await packaged([...args, '--python', './none/python'], { cwd: other });
  assert.is(manifest.bytecode, 'unchecked-hash');
});

directories('--python and sources may be relative', async () => {
  const base = files(scratch(), {
    'bin/python': `#!/bin/sh\nexec ${PYTHON} "$@"\n`,
    'd/pkg.py': 'X = 1\n',
  });
  const args = ['--dir', 'd', '--at', 'lib/python3.11/site-packages', '--python', 'bin/python'];
  const { manifest } = await packaged(args, { cwd: base });
  assert.is(manifest.bytecode, 'unchecked-hash');
});

directories('what is not there, or no directory, is said in one line', () => {
  const root = files(scratch(), { 'run.py': '' });
  for (const option of ['--dir', '--venv', '--prefix']) {
    const cases: readonly (readonly [string, number, string])[] = [
      ['none', 74, 'none does not exist'],
      ['run.py', 64, 'run.py is no directory'],
    ];
    for (const [name, code, text] of cases) {
      const { status, stderr } = bundle(['-o', 'x.tar', option, name], { cwd: root });
      assert.is(status, code, stderr);
      assert.match(stderr, text);
      assert.is(stderr.trim().split('\n').length, 1);
    }
  }
  assert.equal(readdirSync(root), ['run.py']);
});

directories('-o - writes a package to standard output, and what it says to standard error', () => {
  const root = files(scratch(), { 'd/a.txt': 'a' });
  const shell = '"$@" > x.tar.zst';
  const program = [process.execPath, '--disable-warning=ExperimentalWarning'];
  const args = [...program, join(import.meta.dirname, '../../src/cli/python-mpi-bundle.ts')];
  const { status, stderr, stdout } = command(
    'sh',
    ['-c', shell, 'sh', ...args, '-o', '-', '--dir', 'd'],
    { cwd: root },
  );
  assert.is(status, 0, stderr);
  assert.match(stderr, /^standard output: 1 files/);
  assert.is(stdout, '');
  assert.match(must('tar', ['--zstd', '-tf', join(root, 'x.tar.zst')]), 'a.txt');
  assert.equal(readdirSync(root).sort(), ['d', 'x.tar.zst']);
});

directories('a suffix that is not made is refused, a version is none', async () => {
  const root = files(scratch(), { 'd/a.txt': 'a' });
  for (const name of ['x.tar.xz', 'x.tar.lzma', 'x.TAR.GZ', 'x.tar.7', 'x.zip', 'x.7z', 'x.conda'])
    assert.is(bundle(['-o', name, '--dir', 'd'], { cwd: root }).status, 64);
  assert.is(bundle(['-o', 'env-3.11', '--dir', 'd'], { cwd: root }).status, 0);
  assert.ok(readFileSync(join(root, 'env-3.11.tar.zst')).length > 0);
});

directories('times may be before 1970', async () => {
  const root = files(scratch(), { 'a.txt': 'a' });
  const { file } = await packaged(['--dir', root], {
    env: { ...process.env, SOURCE_DATE_EPOCH: '-86400' },
  });
  assert.match(must('tar', ['-tvf', file], { env: { ...process.env, TZ: 'UTC' } }), '1969-12-31');
});

directories.run();
