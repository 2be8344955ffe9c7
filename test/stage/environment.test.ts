import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PythonMpiError } from '../../src/errors.ts';
import { hookDirectory } from '../../src/stage/abort-hook.ts';
import { type PythonProgram, pythonProgram } from '../../src/stage/environment.ts';
import { scratch } from '../support/scratch.ts';

const SYSTEM_PYTHON = '/usr/bin/python3';

/** A directory with these files; names that end in a slash are directories, *! are executable. */
function tree(...names: string[]): string {
  const root = scratch();
  for (const name of names) {
    const file = path.join(root, name.replace('!', ''));
    fs.mkdirSync(name.endsWith('/') ? file : path.dirname(file), { recursive: true });
    if (!name.endsWith('/'))
      fs.writeFileSync(file, '', { mode: name.endsWith('!') ? 0o755 : 0o644 });
  }
  return root;
}

/** What a program prints for a Python expression. */
function evaluate({ file, env }: PythonProgram, expression: string): string {
  const code = `import sys, os; print(${expression})`;
  return execFileSync(file, ['-c', code], { env, encoding: 'utf8' }).trim();
}

const inherited = {
  PATH: '/usr/bin:/bin',
  LD_LIBRARY_PATH: '/opt/lib',
  PYTHONPATH: '/home/me/modules',
  PYTHONHOME: '/opt/python',
  PYTHONDONTWRITEBYTECODE: '1',
  OTHER: 'kept',
};

const rules = suite('rules');

rules('nothing staged: the environment stays as it is', () => {
  assert.equal(pythonProgram(undefined, inherited), { file: SYSTEM_PYTHON, env: inherited });
});

rules('a whole Python runs from the prefix', () => {
  const prefix = tree('bin/python3!', 'lib/python3.11/os.py', 'lib/python3.11/site-packages/');
  assert.equal(pythonProgram(prefix, inherited), {
    file: `${prefix}/bin/python3`,
    env: {
      ...inherited,
      PATH: `${prefix}/bin:/usr/bin:/bin`,
      LD_LIBRARY_PATH: `${prefix}/lib:/opt/lib`,
      PYTHONHOME: prefix,
      PYTHONUSERBASE: prefix,
      PYTHONPATH: `${hookDirectory(prefix)}:/home/me/modules`,
    },
  });
});

rules('one that is only called python, with a zipped library, too', () => {
  const prefix = tree('bin/python!', 'lib/python311.zip');
  const { file, env } = pythonProgram(prefix, {});
  assert.is(file, `${prefix}/bin/python`);
  assert.is(env.PYTHONHOME, prefix);
  assert.is(env.LD_LIBRARY_PATH, `${prefix}/lib`);
});

rules('packages alone go before the PYTHONPATH of the user', () => {
  const prefix = tree(
    'lib/python3.11/site-packages/',
    'lib/python3/dist-packages/',
    'lib32/python3.11/site-packages/',
    'site-packages/',
  );
  fs.symlinkSync('lib', path.join(prefix, 'lib64'));
  const { file, env } = pythonProgram(prefix, inherited);
  assert.is(file, SYSTEM_PYTHON);
  assert.is(
    env.PYTHONPATH,
    [
      hookDirectory(prefix),
      `${prefix}/site-packages`,
      `${prefix}/lib/python3/dist-packages`,
      `${prefix}/lib/python3.11/site-packages`,
      `${prefix}/lib32/python3.11/site-packages`,
      '/home/me/modules',
    ].join(':'),
  );
  assert.is(env.PYTHONHOME, '/opt/python', "that is the other Python's own");
});

rules('site-packages at the top count beside a whole Python too', () => {
  const prefix = tree('bin/python3!', 'lib/python3.11/os.py', 'site-packages/');
  const { env } = pythonProgram(prefix, {});
  assert.is(env.PYTHONPATH, `${hookDirectory(prefix)}:${prefix}/site-packages`);
});

rules('an interpreter that cannot run here is none', () => {
  const prefix = tree('bin/python');
  fs.symlinkSync('/nowhere/python3', path.join(prefix, 'bin/python3'));
  assert.is(pythonProgram(prefix, inherited).file, SYSTEM_PYTHON);
});

rules('the interpreter that the user wants is taken, from the prefix first', () => {
  const prefix = tree('bin/python3!', 'bin/python3.9!', 'lib/python3.9/site-packages/');
  const named = pythonProgram(prefix, inherited, 'python3.9');
  assert.is(named.file, `${prefix}/bin/python3.9`);
  const other = pythonProgram(prefix, inherited, SYSTEM_PYTHON);
  assert.is(other.file, SYSTEM_PYTHON);
  const path = [hookDirectory(prefix), `${prefix}/lib/python3.9/site-packages`, '/home/me/modules'];
  assert.is(other.env.PYTHONPATH, path.join(':'));
});

rules('no interpreter is an error of its own', () => {
  for (const wanted of [undefined, 'python9', '/nowhere/python3']) {
    assert.throws(
      () => pythonProgram(tree(), { PATH: scratch() }, wanted),
      (error: PythonMpiError) => error.code === 'NO_INTERPRETER',
    );
  }
});

rules.run();

const real = suite('real Pythons');
const env = { PATH: '/usr/bin:/bin' };

/** Copies Debian's Python, or parts of it, into a prefix. */
function copyOfSystemPython(...parts: string[]): string {
  const prefix = scratch();
  const archive = execFileSync('tar', ['-C', '/usr', '-c', '--exclude=__pycache__', ...parts], {
    maxBuffer: 1 << 29,
  });
  execFileSync('tar', ['-C', prefix, '-x'], { input: archive });
  return prefix;
}

const version = evaluate(
  { file: SYSTEM_PYTHON, env },
  'f"python{sys.version_info[0]}.{sys.version_info[1]}"',
);

real("a copy of Debian's with numpy runs on its own files alone", () => {
  const prefix = copyOfSystemPython(
    `bin/${version}`,
    'bin/python3',
    `lib/${version}`,
    'lib/python3/dist-packages/numpy',
  );
  const program = pythonProgram(prefix, env);
  assert.is(evaluate(program, '(sys.prefix, sys.exec_prefix)'), `('${prefix}', '${prefix}')`);
  const files = evaluate(
    program,
    '[__import__("numpy").__file__, os.__file__, __import__("_json").__file__]',
  );
  for (const file of files.match(/'[^']*'/g)!) assert.ok(file.startsWith(`'${prefix}/`), file);
});

real('numpy alone is used by the Python of PATH', () => {
  const prefix = copyOfSystemPython('lib/python3/dist-packages/numpy');
  const program = pythonProgram(prefix, env);
  assert.is(program.file, SYSTEM_PYTHON);
  assert.ok(evaluate(program, '__import__("numpy").__file__').startsWith(`${prefix}/`));
});

real('a venv without its base finds that base', () => {
  const origin = scratch();
  execFileSync(SYSTEM_PYTHON, ['-m', 'venv', '--without-pip', origin]);
  const packages = path.join(origin, 'lib', version, 'site-packages');
  fs.writeFileSync(path.join(packages, 'mine.py'), 'where = __file__');
  const prefix = scratch();
  const archive = execFileSync('tar', ['-C', origin, '-c', '.']);
  execFileSync('tar', ['-C', prefix, '-x'], { input: archive });
  fs.rmSync(origin, { recursive: true });
  const program = pythonProgram(prefix, { ...env, PYTHONHOME: '/nowhere' });
  assert.is(program.file, `${prefix}/bin/python3`);
  assert.is(evaluate(program, 'sys.prefix'), prefix);
  assert.ok(evaluate(program, '__import__("mine").where').startsWith(`${prefix}/`));
});

real('PYTHONUSERBASE is the prefix', () => {
  const program = pythonProgram(tree(), env);
  assert.is(evaluate(program, '__import__("site").getuserbase()'), program.env.PYTHONUSERBASE);
});

real.run();
