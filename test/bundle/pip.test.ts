import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { scratch } from '../support/scratch.ts';
import {
  bundle,
  files,
  lookups,
  must,
  offline,
  PYTHON,
  packaged,
  scienceWheels,
  sitePackages,
  staged,
  venv,
  wheels,
} from './support.ts';

const SCIENCE = scienceWheels();
const FROM_PIP = ['--python', PYTHON, '--pip'];
const env = offline(SCIENCE);

const pip = suite('pip');

pip('numpy, scipy, matplotlib and mpi4py work from where they are unpacked', async () => {
  const { prefix, stderr } = await packaged(
    [
      '--prefix',
      '/usr',
      '--exclude',
      'lib/python3/dist-packages/*',
      '--pip',
      'numpy',
      'scipy',
      'matplotlib',
      'mpi4py',
      'pytest',
      'hypothesis',
    ],
    { env, suffix: '.tar.gz' },
  );
  assert.is(stderr, '');
  const code = `
import sys
import numpy.fft, scipy.interpolate, matplotlib, mpi4py
matplotlib.use('agg')
import matplotlib.pyplot as plot
plot.plot([1, 2])
plot.savefig(sys.argv[1])
assert all(m.__file__.startswith(sys.prefix) for m in (numpy, scipy, matplotlib, mpi4py, sys.modules['os']))
print(numpy.fft.fft([1, 0]).real.sum(), scipy.interpolate.interp1d([0, 1], [0, 2])(0.5))
`;
  const picture = join(scratch(), 'x.png');
  const { stdout, paths } = lookups(
    prefix,
    ['-c', code, picture],
    // Of /usr/bin only Python: matplotlib may ask the machine's fc-list for fonts.
    [
      ...['/usr/lib/python3', '/usr/lib/python3.11', '/usr/local/lib'],
      ...['/usr/bin/python3', '/usr/bin/python3.11'],
      SCIENCE,
    ],
  );
  assert.is(stdout.trim(), '2.0 1.0');
  assert.ok(existsSync(picture));
  assert.equal(paths, []);

  const tests = must(
    join(prefix, 'bin/python3'),
    [
      '-m',
      'pytest',
      '-q',
      '-p',
      'no:cacheprovider',
      '--pyargs',
      'numpy.fft',
      'numpy.lib.tests.test_index_tricks',
    ],
    { env: { ...staged(prefix), HOME: scratch() }, cwd: scratch() },
  );
  assert.match(tests, /\d+ passed/);
  assert.is(
    must(join(prefix, 'bin/f2py'), ['-v'], { env: staged(prefix) }).trim(),
    must(join(prefix, 'bin/numpy-config'), ['--version'], { env: staged(prefix) }).trim(),
  );
});

pip('installed twice, in different places, the bytes are the same', async () => {
  const made = [];
  for (const name of ['one', 'a-longer-name']) {
    const tmp = join(scratch(), name);
    mkdirSync(tmp);
    made.push(
      await packaged([...FROM_PIP, 'fonttools', 'mpi4py', 'cycler'], {
        env: { ...env, TMPDIR: tmp },
      }),
    );
    assert.equal(readdirSync(tmp), []);
  }
  const [one, two] = made.map(({ file }) => readFileSync(file));
  assert.ok(one!.equals(two!));
  const record = readFileSync(
    join(
      sitePackages(made[0]!.prefix),
      readdirSync(sitePackages(made[0]!.prefix)).find(name => /^fonttools.*info$/.test(name))!,
      'RECORD',
    ),
    'utf8',
  );
  assert.match(record, /^\.\.\/\.\.\/\.\.\/bin\/ttx,,$/m);
});

pip('--no-deps installs what is named and nothing more', async () => {
  const { prefix } = await packaged(['--no-deps', ...FROM_PIP, 'mpi4py', 'matplotlib'], { env });
  const names = readdirSync(sitePackages(prefix));
  assert.ok(names.includes('matplotlib') && names.includes('mpi4py'));
  assert.not(names.includes('numpy'));
});

pip('wheels, requirements files and local projects, as pip takes them', async () => {
  const project = files(scratch(), {
    'proj/pyproject.toml':
      '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n[project]\nname = "proj"\nversion = "1"\n',
    'proj/backend.py': `import zipfile
def build_wheel(directory, *args):
    with zipfile.ZipFile(directory + '/proj-1-py3-none-any.whl', 'w') as wheel:
        wheel.writestr('proj.py', 'import cycler\\nN = 5\\n')
        wheel.writestr('proj-1.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: proj\\nVersion: 1\\n')
        wheel.writestr('proj-1.dist-info/WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
        wheel.writestr('proj-1.dist-info/RECORD', '')
    return 'proj-1-py3-none-any.whl'
`,
    'requirements.txt': 'cycler\n',
  });
  const wheel = readdirSync(SCIENCE).find(name => name.startsWith('packaging-'))!;
  const { prefix, manifest } = await packaged(
    [...FROM_PIP, './proj', join(SCIENCE, wheel), '-r', 'requirements.txt'],
    { env, cwd: project },
  );
  const { stdout } = lookups(
    prefix,
    ['-c', 'import proj, cycler, packaging; print(proj.N, packaging.__file__)'],
    [],
  );
  assert.is(stdout.trim(), `5 ${sitePackages(prefix)}/packaging/__init__.py`);
  assert.equal(manifest.sources, [`--pip ./proj ${join(SCIENCE, wheel)} -r requirements.txt`]);
});

pip('a pip of before --python installs, with the settings of its Python', async () => {
  // What is set on this machine would count for more than pip.conf.
  const unset = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('PIP_')),
  );
  const { root } = venv();
  const old = wheels('pip-21.3.1', ['pip==21.3.1']);
  const install = ['-m', 'pip', '--python', join(root, 'bin/python'), 'install', '-q'];
  must(PYTHON, [...install, '--no-index', '--find-links', old, 'pip==21.3.1']);
  files(root, {
    'pip.conf': `[global]\nno-index = true\nfind-links = ${pathToFileURL(SCIENCE).href}\n[install]\nuser = true\n`,
  });
  const { prefix } = await packaged(['--python', 'env/bin/python', '--pip', 'cycler'], {
    cwd: join(root, '..'),
    env: { ...unset, PIP_TARGET: '/nowhere', PIP_QUIET: '3', PIP_REQUIRE_VIRTUALENV: '1' },
  });
  const names = readdirSync(sitePackages(prefix)).filter(name => !name.startsWith('__'));
  assert.equal(names.map(name => name.replace(/-.*/, '')).sort(), ['cycler', 'cycler']);
  assert.not(existsSync(join(prefix, 'pip.conf')));
});

pip('an environment without pip uses that of its base', async () => {
  const { root } = venv();
  const args = ['--python', join(root, 'bin/python'), '--pip', 'cycler'];
  const { prefix } = await packaged(args, { env });
  assert.ok(readdirSync(sitePackages(prefix)).includes('cycler'));
});

pip('without any pip uv installs, and without uv the user is told so', async () => {
  const uv = wheels('uv', ['uv']);
  const { root } = venv();
  must(PYTHON, [
    '-m',
    'pip',
    '--python',
    join(root, 'bin/python'),
    'install',
    '-q',
    '--no-index',
    '--find-links',
    uv,
    'uv',
  ]);
  // A Python that has nothing but itself.
  const bare = files(scratch(), { python: `#!/bin/sh\nexec ${PYTHON} -S "$@"\n` });
  const args = [
    '-o',
    join(scratch(), 'x.tar'),
    '--python',
    join(bare, 'python'),
    '--pip',
    'cycler',
  ];
  const path = '/usr/bin:/bin';
  const uvs = { ...process.env, UV_NO_INDEX: '1', UV_FIND_LINKS: SCIENCE, UV_CACHE_DIR: scratch() };
  const made = bundle(args, { env: { ...uvs, PATH: `${root}/bin:${path}` } });
  assert.is(made.status, 0, made.stderr);
  const none = bundle(args, { env: { ...process.env, PATH: path } });
  assert.is(none.status, 66);
  assert.match(none.stderr, /has no pip, and there is no uv in PATH; install one of them/);
});

pip("what pip cannot do is said in pip's words", () => {
  const out = scratch();
  const { status, stderr } = bundle(
    ['-o', join(out, 'x.tar'), ...FROM_PIP, 'no-such-package-here'],
    { env },
  );
  assert.is(status, 66);
  assert.match(stderr, 'No matching distribution found for no-such-package-here');
  assert.is(stderr.trim().split('\n').length, 1);
  assert.equal(readdirSync(out), []);
});

pip('a Python that is none is named', () => {
  const { status, stderr } = bundle(
    ['-o', join(scratch(), 'x.tar'), '--python', '/bin/false', '--pip', 'numpy'],
    { env },
  );
  assert.is(status, 66);
  assert.match(stderr, '/bin/false');
});

pip.run();
