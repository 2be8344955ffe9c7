/**
 * Variables that begin as ours do: which there are, and which of the user's is none of them.
 */
import { PythonMpiError } from '../errors.ts';
import { SETTINGS, variableOf } from './configuration.ts';

/**
 * Those that are no settings with an option: for bin/, for launchers that say little, and our own.
 */
const OTHERS = ['NODE', 'SECRET', 'SIZE', 'RENDEZVOUS', 'EMBEDDED', 'PREFIX', 'STARTER'];
/** What the start of a rank's Python may leave behind. */
const LEFT_BEHIND = ['RANK', 'PROCESS', 'END_COMMAND'];

const KNOWN = new Set([
  ...SETTINGS.map(({ name }) => variableOf(name)),
  ...[...OTHERS, ...LEFT_BEHIND].map(variableOf),
]);

/** More letters than this make it another word. */
const MISSPELT = 2;

/**
 * The variables of an environment that begin as ours do, and are none.
 * @throws PythonMpiError USAGE for one that is nearly one of ours: without it the run would not be
 *   what is wanted
 */
export function unknownVariables(env: NodeJS.ProcessEnv): string[] {
  const unknown = Object.keys(env).filter(
    name => name.startsWith(variableOf('')) && !KNOWN.has(name),
  );
  for (const name of unknown) {
    const meant = [...KNOWN].find(known => distance(name, known) <= MISSPELT);
    if (meant === undefined) continue;
    throw new PythonMpiError('USAGE', `there is no setting ${name.slice(0, 100)}`, {
      hint: `did you mean ${meant}? (If it is not meant for python-mpi, unset it)`,
    });
  }
  return unknown;
}

/** How many letters have to be put in, left out or replaced to make one word of another. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
