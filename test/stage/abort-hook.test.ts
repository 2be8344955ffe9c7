/**
 * What an uncaught exception does in a job, with real Pythons and a mpi4py that only takes notes.
 */
import fs, { existsSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { HOOK } from '../../src/stage/abort-hook.ts';
import { plain, programOf, type Said, settled, start, tree } from '../support/interpreters.ts';
import { scratch } from '../support/scratch.ts';

const MPI = `
import os
initialized, finalized, size, COMM_NULL = True, False, 4, None
def Is_initialized(): return initialized
def Is_finalized(): return finalized
def Get_library_version(): return "Other MPI 1.0, of somewhere\\n..."
class Comm:
    @staticmethod
    def Get_parent(): return COMM_NULL
class COMM_WORLD:
    @staticmethod
    def Get_size(): return size
    @staticmethod
    def Abort(code): os.write(1, b"abort %d\\n" % code); os._exit(code + 40)
`;

const prefix = await settled(
  tree({
    'site-packages/mpi4py/__init__.py': '',
    'site-packages/mpi4py/MPI.py': MPI,
    // What a spawned process can import.
    'site-packages/fails.py': 'def now(*_): raise ValueError("boom")\n',
  }),
);

interface Options {
  wanted?: string | undefined;
  flags?: readonly string[];
  env?: NodeJS.ProcessEnv;
  endCommand?: string;
  pid?: number;
}

/** Runs a script as rank 0 of 4. */
async function python(code: string, options: Options = {}): Promise<Said> {
  const { wanted, flags = [], env = {}, endCommand, pid = process.pid } = options;
  const script = join(scratch(), 'script.py');
  fs.writeFileSync(script, code);
  const rank: NodeJS.ProcessEnv = {
    [HOOK.rank]: '0 of 4',
    [HOOK.process]: `parent ${pid}`,
    [HOOK.endCommand]: endCommand,
  };
  const set = Object.entries({ ...plain, ...env, ...rank }).filter(([, value]) => value);
  const program = await programOf(prefix, plain, wanted);
  return start(program, [...flags, script], Object.fromEntries(set));
}

/** Old interpreters, where a machine has them. */
const PYTHONS = ['/usr/bin/python3', '/usr/bin/python3.6', '/usr/libexec/platform-python'].filter(
  existsSync,
);
const DIES = 'from mpi4py import MPI\nprint("said")\nraise ValueError("boom")';

const hook = suite('stage/abort-hook');

for (const wanted of PYTHONS) {
  hook(`${wanted}: an uncaught exception aborts the job, after traceback and output`, async () => {
    const { status, out, err } = await python(DIES, { wanted });
    assert.is(status, 41);
    assert.is(out, 'said\nabort 1\n');
    assert.match(err, /ValueError: boom\npython-mpi: rank 0 on \S+ ended with ValueError\n$/);
  });
}

for (const flags of [['-I'], ['-E'], ['-s'], ['-O'], ['-u'], ['-X', 'dev']]) {
  hook(`whatever the options: ${flags.join(' ')}`, async () => {
    assert.is((await python(DIES, { flags })).out, 'said\nabort 1\n');
  });
}

for (const [what, code] of [
  ['of a function', 'def f(): g()\ndef g(): raise KeyError\nf()'],
  ['of the compiler', 'x = 1\ny = = 2'],
  ['that is a string to print', 'raise Exception("ä\\udc80")'],
  ['while another is handled', 'try: 1/0\nexcept ZeroDivisionError: int("x")'],
  ['shown by a hook of the user', 'import sys\nsys.excepthook = lambda *e: print("mine")\n1/0'],
  ['shown by nothing', 'import sys\nsys.excepthook = None\n1/0'],
  ['after a handled one', 'import sys\ntry: 1/0\nexcept ZeroDivisionError: pass\nraise OSError'],
  ['with threads around', 'import threading\nthreading.Thread(target=print).start()\n1/0'],
] as const) {
  hook(`an uncaught exception ${what} fires`, async () => {
    const { status, out, err } = await python(`import mpi4py.MPI\n${code}\n`);
    // What cannot be compiled imports nothing.
    assert.match(out + err, what === 'of the compiler' ? /ended with SyntaxError/ : /abort 1/);
    assert.is.not(status, 0);
    if (what.endsWith('user')) assert.match(out, /mine/);
  });
}

const CHILD = 'import subprocess, sys; subprocess.run([sys.executable, *FLAGS, "-c", "1/0"])';
for (const [what, code, expected] of [
  ['a script that ends well', '', 0],
  ['a caught exception', 'try: 1/0\nexcept ZeroDivisionError: pass', 0],
  ['an exit status', 'raise SystemExit(3)', 3],
  ['an exit with a message', 'import sys; sys.exit("so be it")', 1],
  [
    'one left in sys.last_exc',
    'import sys\ntry: 1/0\nexcept Exception as e: sys.last_exc = sys.last_value = e',
    0,
  ],
  [
    'one of code.InteractiveInterpreter',
    'import code; code.InteractiveInterpreter().runsource("1/0")',
    0,
  ],
  [
    'the same with a hook of its own',
    'import code, sys\nsys.excepthook = lambda *e: None\ncode.InteractiveInterpreter().runsource("1/0")',
    0,
  ],
  [
    'a hook that is called',
    'import sys\ntry: 1/0\nexcept Exception: sys.excepthook(*sys.exc_info())',
    0,
  ],
  [
    'one of a thread',
    'import threading\nt = threading.Thread(target=lambda: 1/0)\nt.start(); t.join()',
    0,
  ],
  ['one of a destructor', 'class A:\n  def __del__(self): 1/0\na = A(); del a', 0],
  ['one of a callback of C', 'import ctypes\nctypes.CFUNCTYPE(None)(lambda: 1/0)()', 0],
  ['one of a forked child', 'import os\nif os.fork() == 0: 1/0\nos.wait()', 0],
  [
    'one of a forked child that leaves by exit',
    'import os, sys\nif os.fork() == 0:\n  raise ValueError\nos.wait()',
    0,
  ],
  [
    'one of a process pool',
    'import multiprocessing, fails\nif __name__ == "__main__":\n  for m in ("fork", "spawn", "forkserver"):\n    p = multiprocessing.get_context(m).Process(target=fails.now); p.start(); p.join()',
    0,
  ],
  ['one of another Python', CHILD.replace('*FLAGS, ', ''), 0],
  ['one of another Python -I', CHILD.replace('*FLAGS', '"-I"'), 0],
  ['one of another Python -S', CHILD.replace('*FLAGS', '"-S"'), 0],
  ['an exception without MPI', 'import sys\ndel sys.modules["mpi4py.MPI"]\nraise ValueError', 1],
  ['an exception before MPI_Init', 'import mpi4py.MPI as M\nM.initialized = False\n1/0', 1],
  ['an exception after MPI_Finalize', 'import mpi4py.MPI as M\nM.finalized = True\n1/0', 1],
] as const) {
  hook(`${what}: no abort`, async () => {
    const { status, out } = await python(`import mpi4py.MPI\n${code}\n`);
    assert.is(status, expected, out);
    assert.not.match(out, /abort/);
  });
}

hook('a user who is asked for more goes on', async () => {
  const code = 'import mpi4py.MPI\n1/0';
  const { status, out } = await python(code, { flags: ['-i'] });
  assert.is(status, 0);
  assert.not.match(out, /abort/);
  // Without a terminal the variable is without effect.
  assert.match((await python(code, { env: { PYTHONINSPECT: '1' } })).out, /abort 1/);
});

hook('without .pth files there is no hook, nor in a child that has them', async () => {
  const code = `import subprocess, sys\n${CHILD.replace(', *FLAGS', '')}\n1/0`;
  const { status, err } = await python(code, { flags: ['-S'] });
  assert.is(status, 1);
  assert.not.match(err, /python-mpi:/);
});

hook('it is armed for the process that was meant only', async () => {
  const { status, out } = await python(DIES, { pid: 1 });
  assert.is(status, 1);
  assert.is(out, 'said\n');
});

hook('nothing of it is on the path or in the environment', async () => {
  const code = `
import os, subprocess, sys
print([p for p in sys.path if p.endswith(".python-mpi")])
listed = subprocess.run("env", capture_output=True, text=True).stdout
print([k for k in [*os.environ, *listed.split()] if "RANK" in k or "PROCESS" in k or "END_C" in k])
`;
  assert.is((await python(code, { endCommand: 'false' })).out, '[]\n[]\n');
});

hook('the command that ends the job is run, and this rank keeps its status', async () => {
  const log = join(scratch(), 'log');
  const { status, out } = await python('import mpi4py.MPI\n1/0', { endCommand: `touch ${log}` });
  assert.is(status, 1);
  assert.ok(existsSync(log));
  assert.is(out, '');
});

hook('a sitecustomize and a usercustomize of the user run', async () => {
  const site = scratch();
  fs.writeFileSync(join(site, 'sitecustomize.py'), 'import sys; sys.mine = __file__\n');
  const { out } = await python('import sys; print(sys.mine)', { env: { PYTHONPATH: site } });
  assert.is(out, `${site}/sitecustomize.py\n`);
});

hook('an MPI that does not know the launcher is named, once', async () => {
  const { status, err } = await python('import mpi4py.MPI as M; M.size = 1');
  assert.is(status, 0);
  assert.match(err, /^python-mpi: warning: each of 4 ranks was alone in its MPI \(Other MPI 1\.0/);
  assert.is((await python('import mpi4py.MPI as M')).err, '');
});

hook.run();
