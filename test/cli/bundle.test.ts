import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DEFAULT_EXCLUDES } from '../../src/bundle/exclude.ts';
import type { Manifest } from '../../src/bundle/manifest.ts';
import { parseBundleCommand } from '../../src/cli/bundle.ts';
import { listing, ProgressBar, summary } from '../../src/cli/bundle-report.ts';
import { StatusLine } from '../../src/cli/status-line.ts';
import { PythonMpiError } from '../../src/errors.ts';

const parse = (line: string, env: NodeJS.ProcessEnv = {}) =>
  parseBundleCommand(line.split(' '), env, '1.2.3');

async function request(line: string, env?: NodeJS.ProcessEnv) {
  const command = await parse(line, env);
  if (command.do !== 'make') throw new Error(command.do);
  return command.request;
}

const lines = suite('bundle command line');

lines('sources stay in the order they were given', async () => {
  const { sources } = await request(
    '-o x --dir a --at lib/a/ --prefix p --pip numpy scipy<2 --venv v --dir b -r r.txt --user-base --pip mpi4py',
  );
  assert.equal(sources, [
    { kind: 'directory', directory: 'a', at: 'lib/a' },
    { kind: 'prefix', directory: 'p' },
    { kind: 'pip', requirements: ['numpy', 'scipy<2', '-r', 'r.txt', 'mpi4py'] },
    { kind: 'venv', directory: 'v' },
    { kind: 'directory', directory: 'b', at: '' },
    { kind: 'user-base' },
  ]);
});

lines('defaults', async () => {
  const { sources, width, ...rest } = await request('-o x --dir a');
  assert.ok(width >= 1);
  assert.equal(rest, {
    output: 'x',
    level: undefined,
    selection: { defaults: true, exclude: [], include: [] },
    withBase: false,
    withLibs: 'none',
    sourceOnly: false,
    trace: undefined,
    python: undefined,
    mtime: 315532800,
  });
  assert.is(sources.length, 1);
});

lines('--no-deps is for all that pip installs', async () => {
  const { sources } = await request('-o x --pip a --no-deps --pip b');
  assert.equal(sources, [{ kind: 'pip', requirements: ['--no-deps', 'a', 'b'] }]);
});

lines('options', async () => {
  const made = await request(
    '-o x --venv v --exclude a --exclude b --include c --no-default-excludes --with-base --with-libs all --source-only --level 3 --jobs 2 --python py --trace run',
    { SOURCE_DATE_EPOCH: '7' },
  );
  const { sources: _, ...rest } = made;
  assert.equal(rest, {
    output: 'x',
    level: 3,
    selection: { defaults: false, exclude: ['a', 'b'], include: ['c'] },
    withBase: true,
    withLibs: 'all',
    sourceOnly: true,
    trace: 'run',
    python: 'py',
    mtime: 7,
    width: 2,
  });
  assert.is((await request('-o x --dir a --with-libs')).withLibs, 'foreign');
});

const mistakes: readonly (readonly [line: string, text: string])[] = [
  ['--dir a', '-o FILE is missing'],
  ['-o x', 'no source'],
  ['-o x --nonsense', 'unknown option'],
  ['-o x --dir a stray', 'too many arguments'],
  ['-o x --at lib', '--at follows the --dir'],
  ['-o x --dir a --at b --at c', '--at follows the --dir'],
  ['-o x --dir a --at ../b', 'leaves the prefix'],
  ['-o x --dir a --at /b', 'leaves the prefix'],
  ['-o x --dir a --level high', 'not a whole number'],
  ['-o x --dir a --with-libs some', "takes 'all' or nothing"],
  ['-o x --pip a --trace b', '--trace needs sources that stay'],
];
for (const [line, text] of mistakes) {
  lines(`'${line}' is a mistake`, async () => {
    const error = await parse(line).catch(caught => caught);
    assert.instance(error, PythonMpiError);
    assert.is(error.code, 'USAGE');
    assert.match(error.toLine(), text);
  });
}

lines('SOURCE_DATE_EPOCH must be a number', async () => {
  const error = await parse('-o x --dir a', { SOURCE_DATE_EPOCH: 'now' }).catch(caught => caught);
  assert.is(error.code, 'USAGE');
});

lines('--help documents every option and every default exclude', async () => {
  const help = await parse('--help');
  assert.is(help.do, 'print');
  const text = help.do === 'print' ? help.text : '';
  for (const word of [
    'Usage: python-mpi-bundle',
    '--trace',
    'SOURCE_DATE_EPOCH',
    ...DEFAULT_EXCLUDES,
  ])
    assert.match(text, word);
  assert.equal(await parse('--version'), { do: 'print', text: '1.2.3\n' });
  assert.equal(await parse('--list x'), { do: 'list', file: 'x' });
});

const manifest: Manifest = {
  format: 1,
  name: 'x',
  python: { version: '3.11.2', tag: 'cpython-311' },
  platform: 'linux-x86_64',
  libc: 'glibc 2.36',
  bytecode: 'unchecked-hash',
  sources: ['--venv env'],
  mtime: 315532800,
  files: 3,
  bytes: 6_000_000,
  digest: 'abc',
  leftOut: { '*.a': 2 },
  warnings: ['something is odd'],
  notRelocated: { 'search path': [], text: ['etc/x.conf'], data: [] },
  frames: [],
  entries: [
    {
      path: 'lib/python3.11/site-packages/numpy/a.so',
      size: 3_000_000,
      executable: true,
      sha256: '',
    },
    {
      path: 'lib/python3.11/site-packages/numpy.libs/b.so',
      size: 1_000_000,
      executable: true,
      sha256: '',
    },
    { path: 'lib/python3.11/os.py', size: 2_000_000, executable: false, sha256: '' },
    { path: 'lib64', target: 'lib' },
  ],
};

lines('the summary tells files, sizes, ratio, time and what is large', () => {
  const text = summary(
    {
      file: 'x.tar.zst',
      manifest,
      packedBytes: 2_000_000,
      sha256: 'def',
      savings: { files: 9, bytes: 1e6, of: 4e6 },
    },
    1.25,
  );
  for (const part of [
    'x.tar.zst: 3 files, 6.0 MB in 2.0 MB (3.0:1), 1.3 s',
    'numpy 4.0 MB, standard library 2.0 MB',
    'left out by --trace: 9 modules, 1.0 MB of 4.0 MB',
    'left out: *.a (2)',
    'sha256: def',
  ]) {
    assert.match(text, part);
  }
});

lines('the listing tells everything but the frames', () => {
  const text = listing(manifest);
  for (const part of [
    'package:   x',
    '3.11.2 (cpython-311)',
    'linux-x86_64 glibc 2.36',
    '1980-01-01T00:00:00.000Z',
    'something is odd',
    'etc/x.conf (text)',
    '*.a (2)',
    '     2000000  lib/python3.11/os.py',
    'link  lib64 -> lib',
  ]) {
    assert.match(text, part);
  }
});

lines('the bar is drawn on a terminal, on one line, and goes away', () => {
  const written: string[] = [];
  const on = (terminal: boolean) =>
    new ProgressBar(
      new StatusLine(
        0,
        () => terminal,
        text => void written.push(text),
      ),
    );
  const bar = on(true);
  bar.show('packing', 5, 10);
  bar.show('packing', 10, 10);
  bar.clear();
  bar.clear();
  assert.equal(written, [
    '\r\x1b[K\x1b[?7lpacking [############............] 5/10\x1b[?7h',
    '\r\x1b[K\x1b[?7lpacking [########################] 10/10\x1b[?7h',
    '\r\x1b[K',
  ]);
  written.length = 0;
  on(false).show('packing', 1, 2);
  assert.equal(written, []);
});

lines.run();
