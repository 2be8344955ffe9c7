/**
 * What is left out, by pattern.
 *
 * The defaults drop only what no program opens at run time: version control, caches, documentation,
 * what only compilers and package managers read, and the standard library's own tests. Data files
 * and packages' tests stay, since packages do import and open them.
 *
 * A pattern without a slash matches a name at any depth; one with a slash, if only in front,
 * matches from the top of the prefix. `*` stays within a name, `**` spans directories, `?` is one
 * character. What matches a directory drops all below it.
 */

export const DEFAULT_EXCLUDES: readonly string[] = [
  '.git',
  '.hg',
  '.svn',
  '.tox',
  '.nox',
  '.mypy_cache',
  '.pytest_cache',
  '.ruff_cache',
  '.ipynb_checkpoints',
  '.DS_Store',
  '*.a',
  '*.pyo',
  '/conda-meta',
  '/pkgs',
  '/envs',
  'share/doc',
  'share/man',
  'share/info',
  'share/gtk-doc',
  'bin/python*-config',
  'bin/python*-gdb.py',
  'lib/python3.*/config-*',
  'lib/python3.*/ensurepip',
  'lib/python3.*/test',
  'lib/python3.*/ctypes/test',
  'lib/python3.*/distutils/tests',
  'lib/python3.*/idlelib/idle_test',
  'lib/python3.*/lib2to3/tests',
  'lib/python3.*/sqlite3/test',
  'lib/python3.*/tkinter/test',
  'lib/python3.*/unittest/test',
];

export interface Selection {
  defaults: boolean;
  exclude: readonly string[];
  /** Wins over every exclude. */
  include: readonly string[];
}

export class Exclusion {
  /** Pattern -> how many paths it left out; a directory left out as a whole counts once. */
  readonly leftOut = new Map<string, number>();
  readonly #dropped: readonly (readonly [string, RegExp])[];
  readonly #kept: readonly RegExp[];

  constructor({ defaults, exclude, include }: Selection) {
    this.#kept = include.map(expression);
    this.#dropped = [...(defaults ? DEFAULT_EXCLUDES : []), ...exclude].map(
      pattern => [pattern, expression(pattern)] as const,
    );
  }

  /** The pattern that leaves `path` out, or undefined when it stays. */
  match(path: string): string | undefined {
    const found = this.#dropped.find(([, test]) => test.test(path));
    return found === undefined || this.#kept.some(test => test.test(path)) ? undefined : found[0];
  }

  /** Whether to pass over `path`, which is then on record. */
  drops(path: string): boolean {
    const pattern = this.match(path);
    if (pattern === undefined) return false;
    this.record(pattern);
    return true;
  }

  /** Notes that one more path is left out for what `pattern` says. */
  record(pattern: string): void {
    this.leftOut.set(pattern, (this.leftOut.get(pattern) ?? 0) + 1);
  }

  /**
   * Like {@link drops}, but never for a directory in which something might be included after all.
   */
  prunes(directory: string): boolean {
    return this.#kept.length === 0 && this.drops(directory);
  }
}

/** A pattern as a regular expression over a path relative to the prefix. */
function expression(pattern: string): RegExp {
  const trimmed = pattern.replace(/^\.\//, '').replace(/\/+$/, '');
  const anchored = trimmed.includes('/') ? '^' : '(?:^|/)';
  const body = trimmed.replace(/^\//, '').replace(/\*\*\/|\*\*|\*|\?|[^*?]+/g, token => {
    if (token === '**/') return '(?:.*/)?';
    if (token === '**') return '.*';
    if (token === '*') return '[^/]*';
    if (token === '?') return '[^/]';
    return token.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  });
  return new RegExp(`${anchored}${body}(?:/|$)`);
}
