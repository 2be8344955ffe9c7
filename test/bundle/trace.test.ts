import { existsSync, readdirSync } from 'node:fs';
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
  packaged,
  sitePackages,
  staged,
  venv,
} from './support.ts';

/** An environment with a package of which the script uses a part, and one that it does not. */
function traced(): { root: string; site: string; script: string } {
  const { root, site } = venv();
  files(site, {
    'pkg/__init__.py': 'from . import used\n',
    'pkg/used.py':
      'import os\nX = open(os.path.join(os.path.dirname(__file__), "data.txt")).read()\n',
    'pkg/unused.py': 'import other\nY = 2\n',
    'pkg/sub/__init__.py': 'Z = 3\n',
    'pkg/sub/data.txt': 'kept, so that this could be taken for a namespace package',
    'pkg/data.txt': 'data',
    'pkg/worker.py': 'def double(x): return 2 * x\n',
    'pkg-1.dist-info/METADATA': 'Name: pkg\nVersion: 1\n',
    'other/__init__.py': 'V = 4\n',
    'other/data.txt': 'data',
  });
  const script = join(
    files(scratch(), { 'script.py': 'import pkg; print(pkg.used.X)\n' }),
    'script.py',
  );
  return { root, site, script };
}

const tracing = suite('trace');

tracing('what the script used runs from the package alone', async () => {
  const { root, site, script } = traced();
  const { prefix, manifest } = await packaged([
    '--venv',
    root,
    '--with-base',
    '--trace',
    `python ${script}`,
  ]);
  const there = sitePackages(prefix);
  const names = readdirSync(join(there, 'pkg')).sort();
  assert.equal(names, ['__init__.py', '__pycache__', 'data.txt', 'sub', 'used.py']);
  assert.ok(existsSync(join(there, 'pkg-1.dist-info/METADATA')));
  assert.not(existsSync(join(there, 'other')));
  assert.ok(manifest.files < 400, `${manifest.files} files`);
  const { stdout, paths } = lookups(
    prefix,
    [script],
    [root, site, '/usr/lib/python3', '/usr/lib/python3.11'],
  );
  assert.is(stdout, 'data\n');
  assert.equal(paths, []);
});

tracing('what it did not use is imported from the original place, with one warning', async () => {
  const { root, site, script } = traced();
  const { prefix } = await packaged(['--venv', root, '--with-base', '--trace', `python ${script}`]);
  const code =
    'import pkg, pkg.unused, pkg.sub, other, decimal; print(pkg.unused.Y, pkg.sub.Z, other.V, other.__file__)';
  const { stdout, stderr } = command(join(prefix, 'bin/python3'), ['-c', code], {
    env: staged(prefix),
  });
  assert.is(stdout.trim(), `2 3 4 ${site}/other/__init__.py`);
  assert.is(stderr.trim().split('\n').length, 1);
  assert.match(stderr, 'pkg.unused was left out of the package by --trace');
  const missing = command(join(prefix, 'bin/python3'), ['-c', 'import nowhere'], {
    env: staged(prefix),
  });
  assert.match(missing.stderr, "No module named 'nowhere'");
});

tracing('processes that the script starts count too', async () => {
  const { root, script } = traced();
  files(join(script, '..'), {
    'script.py':
      'import multiprocessing, pkg\ndef work(x):\n  import pkg.worker\n  return pkg.worker.double(x)\n' +
      'if __name__ == "__main__":\n  for kind in ("fork", "spawn"):\n    with multiprocessing.get_context(kind).Pool(1) as pool: print(pool.map(work, [1]))\n',
  });
  const { prefix } = await packaged(['--venv', root, '--trace', `python ${script}`]);
  assert.ok(readdirSync(join(sitePackages(prefix), 'pkg')).includes('worker.py'));
});

tracing('the summary says how much smaller it is', () => {
  const { root, script } = traced();
  const { stdout } = bundle([
    '-o',
    join(scratch(), 'x.tar'),
    '--venv',
    root,
    '--with-base',
    '--trace',
    `python ${script}`,
  ]);
  assert.match(stdout, /left out by --trace: \d+ modules, \d+\.\d MB of \d+\.\d MB/);
});

tracing(
  'a script that fails, uses nothing, or has nothing to fall back to makes no package',
  () => {
    const { root } = traced();
    const out = scratch();
    const make = (...args: string[]) => bundle(['-o', join(out, 'x.tar'), ...args]);
    const failed = make('--venv', root, '--trace', 'python -c "raise ValueError(5)"');
    assert.is(failed.status, 66);
    assert.match(failed.stderr, 'ValueError: 5');
    assert.match(make('--venv', root, '--trace', 'true').stderr, 'used nothing');
    assert.is(make('--pip', 'x', '--trace', 'true').status, 64);
    assert.equal(readdirSync(out), []);
    assert.ok(must('ls', [root]));
  },
);

tracing.run();
