/**
 * What `import numpy.fft; import scipy.interpolate` costs a rank, by how the files lie that it
 * imports: seconds from Python's start to its end, and path look-ups. One Python on this machine,
 * all files in memory: no staging, no network.
 *
 *     node bench/imports.ts [ROUNDS]
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { now } from '../src/deadline.ts';
import { makeBundle, SHARED } from './package.ts';
import { printTable, ratios, takeTurns } from './table.ts';

const rounds = Number(process.argv[2] ?? 5);
const { file: bundle, tree: original } = await makeBundle(SHARED);
const memory = mkdtempSync('/dev/shm/imports-');

/**
 * The ancestor's way to pack, after its manual: a tarball of the prefix without byte code.
 * @returns where it is unpacked
 */
function unpackAncestor(): string {
  const tarball = join(memory, 'ancestor.tar.gz');
  const leftOut = ['*.pyc', '*.pyo', '__pycache__'].map(pattern => `--exclude=${pattern}`);
  execFileSync('tar', ['-C', original, ...leftOut, '-czf', tarball, '.']);
  return unpack(tarball, 'ancestor');
}

function unpack(tarball: string, name: string): string {
  const prefix = join(memory, name);
  mkdirSync(prefix);
  execFileSync('tar', ['-C', prefix, '-xf', tarball]);
  return prefix;
}

/**
 * Imports as the first rank of a fresh prefix does, every time: it finds no byte code that an
 * earlier one wrote.
 * @param wrapper command to run Python under
 */
function importFrom(prefix: string, ...wrapper: string[]): void {
  // With -P: looking for modules in the working directory is what the user asks of Python
  // otherwise.
  const script = ['-P', '-c', 'import numpy.fft; import scipy.interpolate'];
  const [program, ...args] = [...wrapper, join(prefix, 'bin/python3'), ...script];
  const env = { PATH: '/usr/bin:/bin', PYTHONHOME: prefix, PYTHONDONTWRITEBYTECODE: '1' };
  execFileSync(program!, args, { env, cwd: '/' });
}

const secondsFrom = (prefix: string) => async () => {
  const began = now();
  importFrom(prefix);
  return (now() - began) / 1000;
};

/**
 * Calls that resolve a path, one that is relative to an open file and empty excepted: that is
 * fstat.
 */
function pathCallsFrom(prefix: string): string[] {
  const trace = join(memory, 'trace');
  importFrom(prefix, 'strace', '-f', '-qq', '-e', 'trace=%file', '-o', trace);
  const isCall = (line: string) => /^\d+ +\w+\(/.test(line) && !/^\d+ +\w+\(\d+, ""/.test(line);
  return readFileSync(trace, 'latin1').split('\n').filter(isCall);
}

try {
  const prefixes = { original, ancestor: unpackAncestor(), ours: unpack(bundle, 'ours') };
  const seconds = await takeTurns(rounds, {
    original: secondsFrom(prefixes.original),
    ancestor: secondsFrom(prefixes.ancestor),
    ours: secondsFrom(prefixes.ours),
  });
  const callsOf = (prefix: string, what: string) => {
    const calls = pathCallsFrom(prefix);
    const within = calls.filter(call => call.includes(`"${prefix}/`));
    return [
      { what: `path look-ups, ${what}`, against: 'calls', values: [calls.length] },
      { what: `of them in the prefix, ${what}`, against: 'calls', values: [within.length] },
    ];
  };
  printTable('Import of numpy.fft and scipy.interpolate, one rank', [
    {
      what: 'our bundle',
      against: 'the original environment, from memory',
      goal: 1.1,
      values: ratios(seconds.ours, seconds.original),
    },
    {
      what: 'our bundle',
      against: "the ancestor's package, without byte code",
      goal: 0.5,
      values: ratios(seconds.ours, seconds.ancestor),
    },
    { what: 'original environment', against: 's', values: seconds.original },
    { what: "ancestor's package", against: 's', values: seconds.ancestor },
    { what: 'our bundle', against: 's', values: seconds.ours },
    ...callsOf(prefixes.original, 'original environment'),
    ...callsOf(prefixes.ancestor, "ancestor's package"),
    ...callsOf(prefixes.ours, 'our bundle'),
  ]);
} finally {
  rmSync(memory, { recursive: true });
}
