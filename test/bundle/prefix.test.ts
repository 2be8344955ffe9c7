import { existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { scratch } from '../support/scratch.ts';
import { bundle, command, files, lookups, must, PYTHON, packaged, staged } from './support.ts';

const series = must(PYTHON, ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])']).trim();
const PLACEHOLDER = `/home/builder/${'_h_env_placehold'.repeat(12)}`;

/** A prefix as conda lays it out, around the distribution's interpreter. */
function condaPrefix(): { root: string; site: string } {
  const root = join(scratch(), 'conda');
  const site = join(root, `lib/python${series}/site-packages`);
  files(root, {
    [`lib/python${series}/site-packages/pkg/__init__.py`]: 'X = 1\n',
    'bin/tool': `#!${root}/bin/python\nimport pkg; print(pkg.X)\n`,
    'bin/unfinished': `#!${PLACEHOLDER}/bin/python\nprint(2)\n`,
    'etc/pkg.conf': `data=${root}/share\n`,
    'lib/libdata.so': Buffer.from(
      `\x7fELF\0\0${'\0'.repeat(64)}${root}/share/data${'\0'.repeat(80)}`,
    ),
    'lib/libheld.so': Buffer.from(
      `\x7fELF\0\0${'\0'.repeat(64)}${PLACEHOLDER}/share${'\0'.repeat(80)}`,
    ),
    'lib/pkgconfig/x.pc': `prefix=${root}\n`,
    'conda-meta/pkg-1.json': JSON.stringify({
      paths_data: {
        paths: [{ _path: 'bin/tool', file_mode: 'text', prefix_placeholder: PLACEHOLDER }],
      },
    }),
    'pkgs/cache/x': 'x',
    'share/data': 'x',
  });
  must('ln', ['-s', PYTHON, join(root, 'bin/python3')]);
  symlinkSync('python3', join(root, 'bin/python'));
  return { root, site };
}

const prefixes = suite('prefix');

prefixes(
  'a conda environment: scripts and metadata are relocated, what cannot be is named',
  async () => {
    const { root, site } = condaPrefix();
    // What pip put on top, which other tools refuse.
    files(site, { 'pkg/extra.py': 'Y = 2\n', 'pkg-2.dist-info/RECORD': 'pkg/extra.py,,\n' });
    const { prefix, manifest, stderr } = await packaged(['--prefix', root]);
    assert.is(
      must(join(prefix, 'bin/tool'), [], { env: { ...staged(prefix), PYTHONHOME: undefined } }),
      '1\n',
    );
    assert.is(
      must(join(prefix, 'bin/unfinished'), [], {
        env: { ...staged(prefix), PYTHONHOME: undefined },
      }),
      '2\n',
    );
    assert.match(stderr, 'the old location stays in the text of etc/pkg.conf');
    assert.match(stderr, 'the old location stays in the data of lib/libdata.so, lib/libheld.so');
    assert.is(
      readFileSync(join(prefix, 'lib/pkgconfig/x.pc'), 'utf8'),
      'prefix=$/../..\n'.replace('$', '$' + '{pcfiledir}'),
    );
    assert.not(existsSync(join(prefix, 'pkgs')));
    assert.equal(manifest.leftOut, { '/conda-meta': 1, '/pkgs': 1 });
    assert.equal(
      readFileSync(join(prefix, 'lib/libdata.so')),
      readFileSync(join(root, 'lib/libdata.so')),
    );
    assert.is(must('readlink', [join(prefix, 'bin/python')]).trim(), 'python3');
  },
);

prefixes("of the system's prefix only Python comes", async () => {
  const skip = ['idlelib', 'lib2to3', 'pydoc_data', 'dist-packages'].flatMap(name => [
    '--exclude',
    `lib/python${series}/${name}`,
  ]);
  const { prefix, manifest, stderr } = await packaged([
    '--prefix',
    '/usr',
    ...skip,
    '--exclude',
    'lib/python3/dist-packages/*',
  ]);
  assert.equal(readdirSync(prefix).sort(), ['.python-mpi', 'bin', 'include', 'lib']);
  const programs = ['python', 'python3', `python${series}`];
  assert.equal(readdirSync(join(prefix, 'bin')).sort(), programs);
  for (const name of programs) {
    const said = must(name, ['-c', 'import sys; print(sys.prefix)'], { env: staged(prefix) });
    assert.is(said.trim(), prefix);
  }
  // What compiles at run time finds its headers, wherever else the compiler looks.
  const includes = 'import sysconfig; print(sysconfig.get_path("include"))';
  const headers = must('python', ['-c', includes], { env: staged(prefix) }).trim();
  assert.is(headers, join(prefix, `include/python${series}`));
  const unit = files(scratch(), { 'x.c': '#include <Python.h>\nPyObject *x;\n' });
  const compiler = ['-c', '-o', 'x.o', 'x.c', `-I${headers}`, '-H'];
  const { status, stderr: included } = command('clang', compiler, { cwd: unit });
  assert.is(status, 0, included);
  assert.not.match(included, '/usr/include/python');
  assert.not.match(included, `-gnu/python${series}/pyconfig.h\n. /usr`);
  assert.is(stderr, '');
  const { stdout, paths } = lookups(
    prefix,
    ['-c', 'import sys, json, sysconfig, ctypes; sysconfig.get_config_vars(); print(sys.prefix)'],
    ['/usr/lib/python3', `/usr/lib/python${series}`, '/usr/local', '/usr/bin'],
  );
  assert.is(stdout.trim(), prefix);
  assert.equal(paths, []);
  assert.is(manifest.python?.tag, `cpython-${series.replace('.', '')}`);
});

prefixes('a module tree without an interpreter', async () => {
  const root = files(scratch(), { [`lib/python${series}/site-packages/pkg.py`]: 'X = 1\n' });
  const { prefix, manifest } = await packaged(['--prefix', root, '--python', PYTHON]);
  assert.is(must(PYTHON, ['-c', 'import pkg; print(pkg.X)'], { env: staged(prefix) }), '1\n');
  assert.is(manifest.files, 2);
});

prefixes('byte code of another Python is announced as missing', async () => {
  const root = files(scratch(), { 'lib/python3.4/site-packages/pkg.py': 'X = 1\n' });
  const { stderr } = await packaged(['--prefix', root, '--python', PYTHON]);
  assert.match(stderr, 'packages of Python 3.4');
});

prefixes('sources in one command override each other in order', async () => {
  const one = files(scratch(), { 'a.txt': '1', 'b.txt': '1' });
  const two = files(scratch(), { 'b.txt': '2' });
  const { prefix, manifest } = await packaged([
    '--dir',
    one,
    '--at',
    'etc',
    '--dir',
    two,
    '--at',
    'etc',
  ]);
  assert.is(readFileSync(join(prefix, 'etc/b.txt'), 'utf8'), '2');
  assert.is(readFileSync(join(prefix, 'etc/a.txt'), 'utf8'), '1');
  assert.is(manifest.platform, 'any');
});

prefixes('the user base gives its packages and what they own, nothing else', async () => {
  const base = files(scratch(), {
    [`lib/python${series}/site-packages/pkg/__init__.py`]: 'X = 3\n',
    [`lib/python${series}/site-packages/pkg-1.dist-info/RECORD`]: `pkg/__init__.py,,\n../../../bin/tool,,\n"../../../share/pkg/a,b",,\n../../../../outside,,\n`,
    'share/pkg/a,b': 'x',
    'share/Trash/big': 'x',
    'bin/other': '#!/bin/sh\n',
  });
  files(base, { 'bin/tool': `#!${PYTHON}\nimport pkg; print(pkg.X)\n` });
  const { prefix } = await packaged(['--user-base', '--python', PYTHON], {
    env: { ...process.env, PYTHONUSERBASE: base },
  });
  assert.equal(readdirSync(join(prefix, 'bin')), ['tool']);
  assert.equal(readdirSync(join(prefix, 'share')), ['pkg']);
  assert.is(must(join(prefix, 'bin/tool'), [], { env: staged(prefix) }), '3\n');
});

prefixes(
  "--with-libs brings the libraries of extension modules that are not the system's",
  async () => {
    const outside = files(scratch(), {
      'inner.c': 'int inner(void) { return 7; }\n',
      'outer.c': 'int inner(void); int outer(void) { return inner(); }\n',
      'lib/.keep': '',
    });
    const site = `lib/python${series}/site-packages`;
    const root = files(scratch(), { [`${site}/pkg.py`]: '' });
    files(root, { 'ext.c': 'int outer(void); int ext(void) { return outer(); }\n' });
    const cc = (...args: string[]) =>
      must('clang', ['-shared', '-fPIC', ...args], { cwd: outside });
    cc('-o', 'lib/libinner.so.1', 'inner.c', '-Wl,-soname,libinner.so.1');
    cc(
      '-o',
      'lib/libouter.so.2',
      'outer.c',
      '-Wl,-soname,libouter.so.2',
      '-l:libinner.so.1',
      '-Llib',
    );
    cc('-o', join(root, site, 'ext.so'), join(root, 'ext.c'), '-l:libouter.so.2', '-Llib', '-lz');
    const env = { ...process.env, LD_LIBRARY_PATH: join(outside, 'lib') };
    const { prefix } = await packaged(['--prefix', root, '--with-libs', '--python', PYTHON], {
      env,
    });
    const names = readdirSync(join(prefix, 'lib'));
    assert.ok(names.includes('libinner.so.1') && names.includes('libouter.so.2'), names.join());
    assert.not(names.some(name => name.startsWith('libz') || name.startsWith('libc.')));
    const { stdout, paths } = lookups(
      prefix,
      [
        '-S',
        '-c',
        'import ctypes, sys; print(ctypes.CDLL(sys.argv[1]).ext())',
        join(prefix, site, 'ext.so'),
      ],
      [outside],
    );
    assert.is(stdout.trim(), '7');
    assert.equal(paths, []);
  },
);

prefixes('what cannot be a prefix is said in one line', () => {
  const env = files(scratch(), { 'pyvenv.cfg': '' });
  const mistakes: readonly (readonly [string, number, string])[] = [
    ['/nowhere/prefix', 74, '/nowhere/prefix does not exist'],
    [scratch(), 66, 'holds nothing'],
    [env, 64, 'use --venv'],
  ];
  for (const [directory, code, text] of mistakes) {
    const { status, stderr } = bundle(['-o', join(scratch(), 'x.tar'), '--prefix', directory]);
    assert.is(status, code, stderr);
    assert.match(stderr, text);
    assert.is(stderr.trim().split('\n').length, 1);
  }
});

prefixes.run();
