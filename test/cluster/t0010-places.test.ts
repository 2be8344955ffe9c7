/**
 * The tests themselves, from other places: a checkout in a directory that only its owner may enter,
 * one below the /tmp that the nodes of a bed hide, and one whose path needs quotes everywhere. Each
 * runs a few suites that such a place has broken.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, relative } from 'node:path';
import { text } from 'node:stream/consumers';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PROJECT } from './cluster.ts';

/**
 * Place -> a directory that there is, what the checkout is called below a new directory there, and
 * the suites.
 */
const PLACES: Record<string, [parent: string, name: string, suites: readonly string[]]> = {
  'in a home that only its owner may enter': [
    homedir(),
    'python-mpi',
    ['launch/lookups', 'pmi/channel', 'cluster/t0460'],
  ],
  'below /tmp': ['/tmp', 'python-mpi', ['launch/lookups', 'pmi/channel', 'cluster/t0001']],
  'in a directory with a space and an umlaut': [
    '/var/tmp',
    'a ü/b c',
    ['launch/lookups', 'net/reports', 'pmi/channel', 'pmi/launchers/embedded', 'cluster/t0002'],
  ],
};

/**
 * What a copy of the checkout does without: what it would make anew, and what only building it
 * takes.
 */
const LEFT_OUT =
  /^(\.git|build|node_modules\/(\.bin|@biomejs|@esbuild|@types|esbuild|typescript))$/;

/** Copies the checkout, as it was built. */
function copyTo(place: string): void {
  mkdirSync(place, { recursive: true });
  cpSync(PROJECT, place, {
    recursive: true,
    verbatimSymlinks: true,
    filter: source => !LEFT_OUT.test(relative(PROJECT, source)),
  });
}

const places = suite('places of a checkout');

for (const [where, [parent, name, suites]] of Object.entries(PLACES)) {
  places(where, async () => {
    const directory = mkdtempSync(join(parent, 'python-mpi-place-'));
    try {
      const place = join(directory, name);
      copyTo(place);
      const [, node] = process.execPath.split(`${PROJECT}/`);
      const child = spawn(
        node === undefined ? process.execPath : join(place, node),
        ['--disable-warning=ExperimentalWarning', 'test/run.ts', ...suites],
        { cwd: place, stdio: ['ignore', 'pipe', 'inherit'] },
      );
      const [said, [status]] = await Promise.all([text(child.stdout), once(child, 'close')]);
      assert.is(status, 0, said);
      assert.match(said, /\n[1-9]\d* passed, 0 failed, \d+ skipped\n$/);
      for (const skipped of said.match(/^ *skipped: .*$/gm) ?? []) console.log(skipped.trim());
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
}

places.run();
