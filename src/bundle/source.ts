/**
 * Where packages come from: the words of the command line, and what every kind of source works
 * with.
 */
import type { Context } from './context.ts';
import type { Exclusion } from './exclude.ts';
import type { Interpreter } from './interpreter.ts';
import type { Layer, Tree } from './tree.ts';

export type Source =
  | { kind: 'prefix'; directory: string }
  | { kind: 'venv'; directory: string }
  | { kind: 'pip'; requirements: readonly string[] }
  | { kind: 'directory'; directory: string; at: string }
  | { kind: 'user-base' };

/** The tree being filled, and what filling it depends on. */
export interface Collection {
  tree: Tree;
  exclusion: Exclusion;
  context: Context;
  /** Whether virtual environments bring their interpreter and its standard library. */
  withBase: boolean;
  /** The Python the user named. */
  python: string | undefined;
  layers: Layer[];
  /** Interpreters met on the way, the first of which compiles. */
  interpreters: Interpreter[];
  /** The one that the package itself brings, which will run what is in it; the last counts. */
  base: Interpreter | undefined;
  /** Directories in which a traced command finds its programs, as PATH would. */
  programs: string[];
}

/**
 * The Python to ask and to install with: the user's choice, else what earlier sources brought, else
 * that of PATH.
 */
export function pythonOf({ python, interpreters }: Collection): string {
  return python ?? interpreters[0]?.file ?? 'python3';
}

/** A source as the user wrote it: for the manifest and messages. */
export function labelOf(source: Source): string {
  switch (source.kind) {
    case 'prefix':
      return `--prefix ${source.directory}`;
    case 'venv':
      return `--venv ${source.directory}`;
    case 'pip':
      return `--pip ${source.requirements.join(' ')}`;
    case 'directory':
      return `--dir ${source.directory}${source.at === '' ? '' : ` --at ${source.at}`}`;
    case 'user-base':
      return '--user-base';
  }
}
