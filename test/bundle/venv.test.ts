import { existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { scratch } from '../support/scratch.ts';
import {
  bundle,
  command,
  files,
  lookups,
  must,
  PYTHON,
  packaged,
  sitePackages,
  staged,
  venv,
} from './support.ts';

const environments = suite('venv');

environments(
  'packages and scripts come, what makes it an environment of this machine does not',
  async () => {
    const { root, site } = venv();
    files(site, { 'pkg/__init__.py': 'X = 1\n', 'pkg/data.csv': '1,2\n' });
    files(root, {
      'bin/tool': `#!${root}/bin/python3\nimport pkg\nprint(pkg.__file__)\n`,
      'share/pkg/x': 'y',
    });
    const { prefix, manifest } = await packaged(['--venv', root]);
    assert.equal(readdirSync(prefix).sort(), ['.python-mpi', 'bin', 'include', 'lib', 'share']);
    assert.equal(readdirSync(join(prefix, 'bin')), ['tool']);
    const tool = must(join(prefix, 'bin/tool'), [], { env: staged(prefix) });
    assert.is(tool.trim(), join(sitePackages(prefix), 'pkg/__init__.py'));
    assert.is(manifest.bytecode, 'unchecked-hash');
    assert.equal(lookups(prefix, ['-c', 'import pkg'], [root]).paths, []);
  },
);

environments('with its base it needs no Python on the node', async () => {
  const { root, site } = venv();
  files(site, { 'pkg.py': 'import sys, json, ssl, ctypes\n' });
  const { prefix } = await packaged(['--venv', root, '--with-base', '--jobs', '2']);
  const { stdout, paths } = lookups(
    prefix,
    ['-c', 'import pkg, sys, os; print(sys.prefix, pkg.__file__, os.__file__)'],
    [root, '/usr/lib/python3.11', '/usr/lib/python3', '/usr/local', '/usr/bin'],
  );
  const own = `${prefix}/lib/${readdirSync(join(prefix, 'lib'))[0]}`;
  assert.is(stdout.trim(), `${prefix} ${own}/site-packages/pkg.py ${own}/os.py`);
  assert.equal(paths, []);
  assert.not(existsSync(join(own, 'dist-packages')), 'packages of the base stay where they are');
});

environments(
  'byte code is valid whatever the times, and names no directory of the making',
  async () => {
    const { root, site } = venv();
    files(site, {
      'pkg.py': 'X = 1\n',
      'broken.py': 'this is no Python\n',
      'two/__init__.py': 'def f(): raise ValueError\n',
    });
    const { prefix, stderr } = await packaged(['--venv', root]);
    const there = sitePackages(prefix);
    must('find', [prefix, '-exec', 'touch', '-h', '-d', '2001-01-01', '{}', '+']);
    const verbose = command(PYTHON, ['-v', '-c', 'import pkg, two'], { env: staged(prefix) });
    assert.match(verbose.stderr, `matches ${there}/pkg.py`);
    assert.match(verbose.stderr, `matches ${there}/two/__init__.py`);
    assert.not.match(verbose.stderr, 'is stale');
    const [pyc] = readdirSync(join(there, '__pycache__')).filter(name => name.startsWith('pkg'));
    const code = readFileSync(join(there, '__pycache__', pyc!));
    assert.is(code.readUInt32LE(4), 1, 'hash-based and unchecked');
    assert.ok(code.includes('lib/python') && !code.includes(root));
    const error = command(PYTHON, ['-c', 'import two; two.f()'], { env: staged(prefix) });
    assert.match(error.stderr, `File "${there}/two/__init__.py", line 1`);
    assert.match(stderr, 'broken.py');
  },
);

environments('a base of its own brings the libraries it is linked to', async () => {
  const base = await packaged([
    '--prefix',
    '/usr',
    '--exclude',
    'lib/python3/dist-packages',
    '--source-only',
  ]);
  const [series] = readdirSync(join(base.prefix, 'lib'));
  const extra = `lib/${series}/lib-dynload/extra.so`;
  files(base.prefix, {
    'a.c': 'int a(void) { return 6; }\n',
    'b.c': 'int a(void); int b(void) { return a(); }\n',
    'lib/libother.so': '',
  });
  const cc = (...args: string[]) =>
    must('clang', ['-shared', '-fPIC', ...args], { cwd: base.prefix });
  cc('-o', 'lib/liba.so.1', 'a.c', '-Wl,-soname,liba.so.1');
  cc('-o', extra, 'b.c', '-Llib', '-l:liba.so.1', `-Wl,-rpath,${base.prefix}/lib`);
  const root = join(scratch(), 'env');
  must(join(base.prefix, 'bin/python3'), ['-m', 'venv', '--without-pip', root], {
    env: { PATH: '/usr/bin:/bin' },
  });
  files(root, { [`lib/${series}/site-packages/pkg.py`]: '' });

  const { prefix, manifest } = await packaged(['--venv', root, '--with-base']);
  assert.equal(readdirSync(join(prefix, 'lib')).sort(), ['liba.so.1', series!].sort());
  // What of the base stays behind is named.
  for (const path of ['/a.c', '/b.c', '/lib/*']) assert.ok(path in manifest.leftOut, path);
  const code = 'import ctypes, sys; print(ctypes.CDLL(sys.argv[1]).b())';
  const { stdout, paths } = lookups(prefix, ['-c', code, join(prefix, extra)], [root, base.prefix]);
  assert.is(stdout.trim(), '6');
  assert.equal(paths, []);
});

environments('--source-only leaves compiling to the node', async () => {
  const { root, site } = venv();
  files(site, { 'pkg.py': 'X = 1\n', '__pycache__/pkg.cpython-311.pyc': 'stale' });
  const { prefix, manifest } = await packaged(['--venv', root, '--source-only']);
  assert.is(manifest.bytecode, 'none');
  assert.equal(readdirSync(sitePackages(prefix)), ['pkg.py']);
});

environments('the source is never written to', async () => {
  const { root, site } = venv();
  files(site, { 'pkg.py': 'X = 1\n' });
  const before = must('find', [root, '-printf', '%p %T@ %s\n']);
  await packaged(['--venv', root, '--with-base', '--exclude', 'lib/python3*/[!s]*']);
  assert.is(must('find', [root, '-printf', '%p %T@ %s\n']), before);
});

environments(
  'packages of the system that it uses come with the base, else a warning does',
  async () => {
    const { root, site } = venv('--system-site-packages');
    files(site, { 'pkg.py': '' });
    const { stderr } = await packaged(['--venv', root]);
    assert.match(stderr, 'packages of /usr, which are not taken along without --with-base');
  },
);

environments(
  'links within stay, links out become what they point to, and circles end',
  async () => {
    const { root, site } = venv();
    const other = files(scratch(), { 'deep/x.py': 'N = 1\n' });
    files(site, { 'pkg/__init__.py': '' });
    symlinkSync(join(site, 'pkg'), join(site, 'alias'));
    symlinkSync(other, join(site, 'out'));
    symlinkSync('..', join(other, 'deep/up'));
    const { prefix, stderr } = await packaged(['--venv', root]);
    const there = sitePackages(prefix);
    assert.is(must('readlink', [join(there, 'alias')]).trim(), 'pkg');
    assert.is(
      must(PYTHON, ['-c', 'import out.deep.x as x; print(x.N)'], { env: staged(prefix) }),
      '1\n',
    );
    assert.match(stderr, 'leads back');
  },
);

environments('a directory that is none is said to be none', () => {
  const { status, stderr } = bundle(['-o', join(scratch(), 'x.tar'), '--venv', scratch()]);
  assert.is(status, 66);
  assert.match(stderr, 'no pyvenv.cfg');
});

environments.run();
