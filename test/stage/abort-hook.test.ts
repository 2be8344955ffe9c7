/** What an uncaught exception does in a job, with a real Python and a mpi4py that only takes notes. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hookDirectory, installHook } from '../../src/stage/abort-hook.ts';
import { scratch } from '../support/scratch.ts';

const prefix = scratch();
installHook(prefix);

const modules = scratch();
fs.mkdirSync(join(modules, 'mpi4py'));
fs.writeFileSync(join(modules, 'mpi4py/__init__.py'), '');
fs.writeFileSync(
  join(modules, 'mpi4py/MPI.py'),
  `
import os
initialized, finalized = True, False
def Is_initialized(): return initialized
def Is_finalized(): return finalized
class COMM_WORLD:
    @staticmethod
    def Abort(code): os.write(1, b"abort %d\\n" % code); os._exit(code + 40)
`,
);

function python(code: string, path: readonly string[] = [modules]) {
  const { status, stdout, stderr } = spawnSync('/usr/bin/python3', ['-c', code], {
    env: { PYTHONPATH: [hookDirectory(prefix), ...path].join(':') },
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

const hook = suite('stage/hook');

hook('an uncaught exception aborts the MPI job, after the traceback and the output', () => {
  const { status, stdout, stderr } = python(
    'from mpi4py import MPI\nprint("said")\nraise ValueError("boom")',
  );
  assert.is(status, 41);
  assert.is(stdout, 'said\nabort 1\n');
  assert.match(stderr, /ValueError: boom\n$/);
});

for (const [what, code, expected] of [
  ['a script that ends well', 'from mpi4py import MPI', 0],
  ['a caught exception', 'from mpi4py import MPI\ntry: 1/0\nexcept ZeroDivisionError: pass', 0],
  ['an exit status', 'from mpi4py import MPI; raise SystemExit(3)', 3],
  ['an exception without MPI', 'raise ValueError', 1],
  ['an exception before MPI_Init', 'from mpi4py import MPI; MPI.initialized = False; 1/0', 1],
  ['an exception after MPI_Finalize', 'from mpi4py import MPI; MPI.finalized = True; 1/0', 1],
] as const) {
  hook(`${what}: not touched`, () => {
    const { status, stdout } = python(code);
    assert.is(status, expected);
    assert.is(stdout, '');
  });
}

hook('the sitecustomize it hides runs, and its errors show as ever', () => {
  const site = scratch();
  fs.writeFileSync(join(site, 'sitecustomize.py'), 'import sys; sys.mine = __name__\n');
  const print = 'import sys, sitecustomize; print(sys.mine, sitecustomize.__file__)';
  assert.is(python(print, [site]).stdout, `sitecustomize ${site}/sitecustomize.py\n`);
  fs.writeFileSync(join(site, 'sitecustomize.py'), 'import nonexistent_module\n');
  assert.match(python('pass', [site]).stderr, /nonexistent_module/);
});

hook('nothing of it is on the path or in the environment', () => {
  const code =
    'import os, sys; print([p for p in sys.path if ".python-mpi" in p], os.environ.get("PYTHONPATH"))';
  assert.is(python(code).stdout, `[] ${modules}\n`);
  assert.is(python(code, []).stdout, '[] None\n');
});

hook('a package cannot make it be written somewhere else', () => {
  const outside = scratch();
  const hostile = scratch();
  fs.symlinkSync(outside, hookDirectory(hostile));
  assert.throws(
    () => installHook(hostile),
    (error: { code: string }) => error.code === 'UNSAFE_PACKAGE',
  );
  const linked = scratch();
  fs.mkdirSync(hookDirectory(linked));
  fs.symlinkSync(join(outside, 'target'), join(hookDirectory(linked), 'sitecustomize.py'));
  installHook(linked);
  assert.equal(fs.readdirSync(outside), []);
});

hook.run();
