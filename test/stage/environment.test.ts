/**
 * Where Python finds what is staged, and what the programs that it starts see of that: with real
 * Pythons.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PythonProgram } from '../../src/stage/environment.ts';
import {
  copySystemPython,
  plain,
  programOf,
  SYSTEM_PYTHON,
  settled,
  start,
  tree,
} from '../support/interpreters.ts';
import { scratch } from '../support/scratch.ts';

const version = execFileSync(SYSTEM_PYTHON, [
  '-c',
  'import sys; print("python%d.%d" % sys.version_info[:2])',
])
  .toString()
  .trim();
const SITE = `lib/${version}/site-packages`;

/** What a program prints for a Python expression. */
function evaluate(
  program: PythonProgram,
  expression: string,
  env: NodeJS.ProcessEnv = plain,
  flags: readonly string[] = [],
): string {
  const code = `import sys, os, site, subprocess; print(${expression})`;
  const { out, err } = start(program, [...flags, '-c', code], env);
  assert.is(err, '');
  return out.trim();
}

/** Debian's Python as a whole, with modules where Debian looks and where it does not. */
function wholePython(): Promise<string> {
  whole ??= makeWholePython();
  return whole;
}
let whole: Promise<string> | undefined;

async function makeWholePython(): Promise<string> {
  const root = tree({
    [`${SITE}/pipmod.py`]: 'where = __file__',
    'lib/python3/dist-packages/aptmod.py': 'where = __file__',
    'site-packages/topmod.py': 'where = __file__',
  });
  copySystemPython(root, `bin/${version}`, 'bin/python3', `lib/${version}`);
  return settled(root);
}

/** Modules alone. */
function modules(): Promise<string> {
  return settled(
    tree({
      [`${SITE}/pipmod.py`]: 'where = __file__',
      'lib/python3/dist-packages/aptmod.py': 'where = __file__',
      'site-packages/topmod.py': 'where = __file__',
      [`${SITE}/a.pth`]: 'import sys; sys.from_pth = getattr(sys, "from_pth", 0) + 1\n',
      'share/data': 'data of packages',
    }),
  );
}

const FLAGS = [[], ['-s'], ['-E'], ['-I'], ['-P'], ['-I', '-s', '-E', '-B']] as const;
const VARIABLES = { PYTHONNOUSERSITE: '1', PYTHONSAFEPATH: '1', PYTHONUSERBASE: '/nowhere' };

const find = suite('stage/environment: what is staged is found');

find('nothing staged: no change but that of secrets', async () => {
  const env = { ...plain, PYTHON_MPI_SECRET: '0123456789abcdef', PYTHONHOME: '/opt' };
  assert.equal(await programOf(undefined, env), {
    file: SYSTEM_PYTHON,
    changes: { set: {}, unset: ['PYTHON_MPI_SECRET'], front: {} },
    version: undefined,
    warnings: [],
  });
});

for (const [what, make] of [
  ['a whole Python', wholePython],
  ['modules for the Python of PATH', modules],
] as const) {
  find(`${what}: whatever the options and variables`, async () => {
    const prefix = await make();
    const program = await programOf(prefix);
    for (const flags of FLAGS) {
      for (const env of [plain, { ...plain, ...VARIABLES }]) {
        for (const module of ['pipmod', 'aptmod', 'topmod']) {
          const where = evaluate(program, `__import__("${module}").where`, env, flags);
          assert.ok(where.startsWith(`${prefix}/`), `${module} ${flags}: ${where}`);
        }
      }
    }
  });

  find(`${what}: prefix and user base are below the staged prefix`, async () => {
    const prefix = await make();
    const program = await programOf(prefix);
    const places = '[sys.prefix, sys.exec_prefix, site.getuserbase(), site.getusersitepackages()]';
    const found = evaluate(program, places).match(/[^[\], ']+/g)!;
    assert.is(found.length, 4);
    for (const place of found) assert.ok(`${place}/`.startsWith(`${prefix}/`), place);
    assert.is(evaluate(program, 'os.environ["PYTHON_MPI_PREFIX"]'), prefix);
  });

  find(`${what}: children of the same interpreter find it too`, async () => {
    const prefix = await make();
    const program = await programOf(prefix);
    const script = path.join(scratch(), 'spawn.py');
    fs.writeFileSync(
      script,
      `
import multiprocessing, subprocess, sys
from concurrent.futures import ProcessPoolExecutor
def where(): return __import__("pipmod").where
if __name__ == "__main__":
    for method in ("spawn", "forkserver", "fork"):
        context = multiprocessing.get_context(method)
        with ProcessPoolExecutor(1, mp_context=context) as pool: print(pool.submit(where).result())
    code = "import pipmod; print(pipmod.where)"
    for python in (sys.executable, "python3"):
        print(subprocess.run([python, "-c", code], capture_output=True, text=True).stdout, end="")
`,
    );
    const { out, err } = start(program, [script]);
    assert.equal(out.trim().split('\n'), new Array(5).fill(`${prefix}/${SITE}/pipmod.py`), err);
  });

  find(`${what}: other programs see the environment of the user`, async () => {
    const prefix = await make();
    const env = {
      ...plain,
      PYTHONPATH: '/home/me/modules',
      LD_LIBRARY_PATH: '/opt/lib',
      PYTHONUSERBASE: '/home/me/base',
      PYTHON_MPI_SECRET: '0123456789abcdef',
      OTHER: 'kept',
    };
    const program = await programOf(prefix, env);
    const listed = evaluate(
      program,
      'subprocess.run("env", capture_output=True).stdout.decode()',
      env,
    );
    const seen = Object.fromEntries(listed.split('\n').map(line => line.split('=')));
    const { PATH, PYTHON_MPI_PREFIX, LC_CTYPE, ...rest } = seen;
    const { PATH: before, PYTHON_MPI_SECRET, ...expected } = env;
    assert.equal(rest, expected);
    assert.ok(PATH.endsWith(`${prefix}/bin:${before}`), PATH);
    const other = `subprocess.run(["${SYSTEM_PYTHON}", "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True)`;
    assert.match(evaluate(program, other, env), /stdout='\/usr\\n', stderr=''/);
  });
}

find("what is staged goes before the user's own modules", async () => {
  const mine = tree({ 'pipmod.py': 'where = "mine"', 'other.py': 'where = "mine"' });
  const env = { ...plain, PYTHONPATH: mine };
  const program = await programOf(await modules(), env);
  assert.is.not(evaluate(program, '__import__("pipmod").where', env), 'mine');
  assert.is(evaluate(program, '__import__("other").where', env), 'mine');
});

find('the .pth files of packages are processed once, after ours', async () => {
  const program = await programOf(await modules());
  for (const flags of FLAGS) assert.is(evaluate(program, 'sys.from_pth', plain, flags), '1');
});

find('data of packages is below sys.prefix', async () => {
  const program = await programOf(await modules());
  assert.is(evaluate(program, 'open(sys.prefix + "/share/data").read()'), 'data of packages');
});

find('an activated virtual environment as the Python of PATH', async () => {
  const active = scratch();
  execFileSync(SYSTEM_PYTHON, ['-m', 'venv', '--without-pip', active]);
  fs.writeFileSync(path.join(active, SITE, 'venvmod.py'), 'where = __file__');
  const env = { ...plain, PATH: `${active}/bin:/usr/bin:/bin`, VIRTUAL_ENV: active };
  const prefix = await modules();
  const program = await programOf(prefix, env);
  for (const flags of FLAGS) {
    const found = evaluate(
      program,
      '[__import__(m).where for m in ("pipmod", "venvmod")]',
      env,
      flags,
    );
    assert.is(found, `['${prefix}/${SITE}/pipmod.py', '${active}/${SITE}/venvmod.py']`);
  }
  // It shuts out the packages of its base.
  assert.is(
    evaluate(program, '[p for p in sys.path if p.startswith("/usr/lib/python3/")]', env),
    '[]',
  );
});

find('two jobs may use a prefix with Pythons of their own', async () => {
  const prefix = await modules();
  const active = scratch();
  execFileSync(SYSTEM_PYTHON, ['-m', 'venv', '--without-pip', active]);
  const [first, second] = [
    await programOf(prefix),
    await programOf(prefix, plain, `${active}/bin/python3`),
  ];
  assert.is.not(first.file, second.file);
  for (const program of [first, second, await programOf(prefix)])
    assert.is(evaluate(program, '__import__("pipmod").where'), `${prefix}/${SITE}/pipmod.py`);
});

find('a virtual environment that was packed without its base', async () => {
  const origin = scratch();
  execFileSync(SYSTEM_PYTHON, ['-m', 'venv', '--without-pip', origin]);
  fs.writeFileSync(path.join(origin, SITE, 'mine.py'), 'where = __file__');
  const prefix = tree([]);
  execFileSync('tar', ['-C', prefix, '-x'], {
    input: execFileSync('tar', ['-C', origin, '-c', '.']),
  });
  fs.rmSync(origin, { recursive: true });
  const program = await programOf(await settled(prefix), { ...plain, PYTHONHOME: '/nowhere' });
  assert.is(program.file, `${prefix}/bin/python3`);
  assert.is(evaluate(program, 'sys.prefix'), prefix);
  assert.is(evaluate(program, '__import__("mine").where'), `${prefix}/${SITE}/mine.py`);
  assert.is(evaluate(program, 'site.getuserbase()'), prefix);
});

find('a link to an interpreter makes the prefix its virtual environment', async () => {
  const prefix = tree({ [`${SITE}/mine.py`]: 'where = __file__', 'bin/': '' });
  fs.symlinkSync(SYSTEM_PYTHON, path.join(prefix, 'bin/python3'));
  const program = await programOf(await settled(prefix));
  assert.is(evaluate(program, 'sys.prefix'), prefix);
  for (const flags of FLAGS)
    assert.is(
      evaluate(program, '__import__("mine").where', plain, flags),
      `${prefix}/${SITE}/mine.py`,
    );
});

find('the interpreter that the user wants is taken, from the prefix first', async () => {
  const prefix = await wholePython();
  assert.is((await programOf(prefix, plain, version)).file, `${prefix}/bin/${version}`);
  const other = await programOf(prefix, plain, SYSTEM_PYTHON);
  assert.is(evaluate(other, 'sys.base_prefix'), '/usr');
  assert.is(evaluate(other, '__import__("pipmod").where'), `${prefix}/${SITE}/pipmod.py`);
});

find.run();

const libraries = suite('stage/environment: shared libraries');

/** Compiles a shared library or, given main, a program. */
function compile(file: string, source: string, ...options: string[]): void {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const shared = source.includes('main') ? [] : ['-shared', '-fPIC'];
  execFileSync('gcc', [...shared, '-o', file, '-x', 'c', '-', '-x', 'none', ...options], {
    input: source,
  });
}

/** A module that calls a library beside it, and finds that as the options say. */
function withLibrary(...options: string[]): string {
  const root = tree([`${SITE}/`]);
  const own = path.join(root, 'lib/libown.so.1');
  compile(own, 'int own(void) { return 7; }', '-Wl,-soname,libown.so.1');
  // What shells need is here too, and is not fit for them.
  compile(path.join(root, 'lib/libtinfo.so.6'), 'int nothing;', '-Wl,-soname,libtinfo.so.6');
  const module = path.join(root, SITE, 'module.so');
  compile(module, 'int own(void); int call(void) { return own(); }', own, ...options);
  return root;
}

const CALL = `__import__("ctypes").CDLL(os.environ["PYTHON_MPI_PREFIX"] + "/${SITE}/module.so").call()`;

for (const [what, options, needed] of [
  ['a module that says where its library is', ['-Wl,-rpath,$ORIGIN/../..'], false],
  ['a module that leaves that to LD_LIBRARY_PATH', [], true],
] as const) {
  libraries(`${what} finds it, and other programs do not`, async () => {
    const prefix = await settled(withLibrary(...options));
    const program = await programOf(prefix);
    assert.is('LD_LIBRARY_PATH' in program.changes.front, needed);
    for (const value of [undefined, '/opt/lib', '']) {
      const env = value === undefined ? plain : { ...plain, LD_LIBRARY_PATH: value };
      assert.is(evaluate(program, CALL, env), '7');
      assert.is(
        evaluate(program, 'os.environ.get("LD_LIBRARY_PATH")', env),
        value || (needed || value === undefined ? 'None' : ''),
      );
      assert.is(evaluate(program, 'subprocess.run(["bash", "-c", "exit 3"]).returncode', env), '3');
      // A child of the same interpreter finds it again, and gives nothing to its own children.
      const code = `import os, sys, subprocess; print(${CALL}, sys.argv[1:], sys.stdin.read(), os.environ.get("LD_LIBRARY_PATH"))`;
      const child = `subprocess.run([sys.executable, "-c", ${JSON.stringify(code)}, "a b", ""], capture_output=True, text=True, input="in")`;
      const said = evaluate(program, child, env);
      assert.match(said, /7 \['a b', ''\] in /, said);
    }
  });
}

libraries('libraries that nothing needs are not looked for', async () => {
  const root = tree([`${SITE}/`]);
  compile(path.join(root, 'lib/libtinfo.so.6'), 'int nothing;', '-Wl,-soname,libtinfo.so.6');
  assert.equal(Object.keys((await programOf(await settled(root))).changes.front), ['PATH']);
});

libraries(
  'an interpreter that looks for its library where it was built finds the staged one',
  async () => {
    const root = tree([]);
    copySystemPython(root, `lib/${version}`);
    const place = execFileSync(SYSTEM_PYTHON, [
      '-c',
      'import sysconfig as s; print(s.get_config_var("LIBDIR"), s.get_config_var("INSTSONAME"))',
    ]);
    const [directory, name] = place.toString().trim().split(' ') as [string, string];
    const shared = path.join(directory, name.replace(/\.a$/, '.so.1.0'));
    const own = path.join(root, 'lib', path.basename(shared));
    fs.copyFileSync(shared, own);
    const main =
      'int Py_BytesMain(int, char **); int main(int c, char **v) { return Py_BytesMain(c, v); }';
    compile(path.join(root, 'bin/python3'), main, own, '-Wl,-rpath,/opt/where/it/was/built/lib');
    const program = await programOf(await settled(root));
    assert.equal(Object.keys(program.changes.front), ['PATH']);
    const loaded = '{l.split()[-1] for l in open("/proc/self/maps") if "libpython" in l}';
    assert.is(evaluate(program, loaded), `{'${own}'}`);
    assert.is(evaluate(program, 'sys.prefix'), root);
  },
);

libraries.run();
