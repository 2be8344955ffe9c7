/**
 * Python's own command line, as far as it says what is going to run. Pure.
 */

/** What Python is asked to run. */
export type Program =
  | { kind: 'script'; file: string }
  | { kind: 'code'; code: string }
  | { kind: 'module'; name: string }
  /** What comes on standard input, or nothing but a word about Python itself. */
  | { kind: 'input' };

/** Options that take a value, and those with which the options end. */
const WITH_VALUE = 'WX';
const LAST = 'cm';

/**
 * @param words all that is Python's
 * @returns the program, and the options before it, which are Python's own
 */
export function readWords(words: readonly string[]): { program: Program; options: string[] } {
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    const options = words.slice(0, at);
    if (word === '--check-hash-based-pycs') {
      at++;
    } else if (word === '-') {
      return { program: { kind: 'input' }, options };
    } else if (word === '--') {
      const file = words[at + 1];
      return { program: file === undefined ? { kind: 'input' } : scriptOf(file), options };
    } else if (!word.startsWith('-')) {
      return { program: scriptOf(word), options };
    } else if (!word.startsWith('--')) {
      const last = [...word].findIndex(
        (letter, i) => i > 0 && (LAST + WITH_VALUE).includes(letter),
      );
      if (last < 0) continue;
      const letter = word[last]!;
      const value = word.slice(last + 1) || (words[at + 1] ?? '');
      if (LAST.includes(letter)) {
        const before = last > 1 ? [...options, word.slice(0, last)] : options;
        return {
          program: letter === 'c' ? { kind: 'code', code: value } : moduleOf(value),
          options: before,
        };
      }
      if (last === word.length - 1) at++;
    }
  }
  return { program: { kind: 'input' }, options: [...words] };
}

function scriptOf(file: string): Program {
  return { kind: 'script', file };
}

function moduleOf(name: string): Program {
  return { kind: 'module', name };
}
