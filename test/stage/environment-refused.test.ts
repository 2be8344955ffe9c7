/**
 * What cannot be used as a prefix, or as an interpreter, is refused with its reason: with real
 * Pythons.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PythonMpiError } from '../../src/errors.ts';
import { programOf, SYSTEM_PYTHON, settled, tree } from '../support/interpreters.ts';
import { scratch } from '../support/scratch.ts';

const version = execFileSync(SYSTEM_PYTHON, [
  '-c',
  'import sys; print("python%d.%d" % sys.version_info[:2])',
])
  .toString()
  .trim();
const SITE = `lib/${version}/site-packages`;

/** Modules alone. */
const modules = () => settled(tree({ [`${SITE}/pipmod.py`]: 'where = __file__' }));

async function rejects(work: Promise<unknown>, code: string, message: RegExp): Promise<void> {
  const error = (await work.then(
    () => assert.unreachable('nothing was refused'),
    thrown => thrown,
  )) as PythonMpiError;
  assert.is(error.code, code, error.message);
  assert.match(error.toLine(), message);
}

const refuse = suite('stage/environment: what cannot be used is said');

refuse('no interpreter at all', async () => {
  const prefix = await modules();
  for (const wanted of [undefined, 'python9', '/nowhere/python3']) {
    const env = { PATH: scratch() };
    await rejects(programOf(prefix, env, wanted), 'NO_INTERPRETER', /there is no interpreter/);
  }
});

refuse('an interpreter that is a link to nowhere', async () => {
  const prefix = tree(['bin/', `${SITE}/`]);
  fs.symlinkSync('/nowhere/bin/python3', path.join(prefix, 'bin/python3'));
  await rejects(
    settled(prefix),
    'NO_INTERPRETER',
    /bin\/python3 .*link to \/nowhere\/bin\/python3/,
  );
});

refuse('an interpreter that may not be executed, or is none', async () => {
  await rejects(settled(tree(['bin/python3'])), 'NO_INTERPRETER', /cannot be executed/);
  await rejects(settled(tree({ 'bin/python3!': '' })), 'NO_INTERPRETER', /neither a program/);
  const liar = tree({ 'bin/python3!': '#!/bin/sh\necho "Error: no licence" >&2; exit 3\n' });
  await rejects(settled(liar), 'NO_INTERPRETER', /does not run as Python 3: Error: no licence/);
});

refuse('an interpreter without its standard library', async () => {
  const prefix = tree(['bin/']);
  fs.copyFileSync(fs.realpathSync(SYSTEM_PYTHON), path.join(prefix, 'bin/python3'));
  const { warnings } = await programOf(await settled(prefix));
  assert.match(warnings.join('\n'), /takes its standard library from \/usr\/lib/);
});

refuse('modules for another version or machine', async () => {
  const other = tree(['lib/python3.6/site-packages/x/_x.cpython-36m-x86_64-linux-gnu.so']);
  await rejects(
    programOf(await settled(other)),
    'NO_INTERPRETER',
    /another Python or machine.*_x\.cp/,
  );
  const foreign = tree([`${SITE}/x/_x.cpython-311-sparc64-linux-gnu.so`]);
  await rejects(programOf(await settled(foreign)), 'NO_INTERPRETER', /another Python or machine/);
  const both = tree([
    'lib/python3.6/site-packages/x/_x.cpython-36m-x86_64-linux-gnu.so',
    `${SITE}/x/`,
  ]);
  assert.equal((await programOf(await settled(both))).warnings, []);
  const pure = tree({ 'lib/python3.6/site-packages/old.py': '' });
  const { warnings } = await programOf(await settled(pure));
  assert.match(warnings.join('\n'), /packages for Python 3\.6 are used by/);
});

refuse('a tree below one directory', async () => {
  for (const name of [`env/${SITE}/m.py`, 'env/bin/python3!', 'env/site-packages/m.py'])
    await rejects(settled(tree([name])), 'CORRUPT_PACKAGE', /below env\/.*-C env \./);
});

refuse('packages that would have files of ours written elsewhere', async () => {
  const outside = scratch();
  const hostile = tree([]);
  fs.symlinkSync(outside, path.join(hostile, '.python-mpi'));
  await rejects(settled(hostile), 'UNSAFE_PACKAGE', /\.python-mpi as no directory/);
  const linked = tree(['.python-mpi/']);
  fs.symlinkSync(path.join(outside, 'target'), path.join(linked, '.python-mpi/_python_mpi.py'));
  await settled(linked);
  const venv = tree(['bin/', 'lib/']);
  fs.symlinkSync(SYSTEM_PYTHON, path.join(venv, 'bin/python3'));
  fs.symlinkSync(outside, path.join(venv, 'lib', version));
  await rejects(settled(venv), 'UNSAFE_PACKAGE', /leads outside/);
  assert.equal(fs.readdirSync(outside), ['site-packages']);
});

refuse.run();
