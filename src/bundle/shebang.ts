/**
 * The interpreter of a script: what its first line, or the shell lines in front of it, say, and how
 * to say it without the place where the script was. Must not know where scripts come from.
 */
import { basename, dirname, join, relative } from 'node:path/posix';

interface Interpreter {
  /** As the script names it. */
  path: string;
  /** What it is given besides the script and its arguments. */
  options: string;
  /** What follows the lines that say so. */
  rest: string;
}

/** A word of the shell: quoted in either way, in pieces, or bare. */
const WORD = String.raw`(?:'[^'\n]*'|"[^"\n]*"|[^\s'"]+)+`;
/** A `#!` line; setuptools quotes a path with blanks there. */
const DIRECT = /^#![ \t]*("[^"\n]*"|\S+)[ \t]*([^\n]*)\n/;
/**
 * What installers write where a `#!` line cannot hold the path, for its length or its blanks: bare
 * or in double quotes pip, in single ones uv.
 */
const WRAPPED = new RegExp(
  String.raw`^#!/bin/sh\n'''exec' (${WORD}) ?([^\n]*?) ?"\$0" "\$@"\n' '''\n`,
);

/**
 * A script that runs the same interpreter from wherever it is, in the same encoding and with the
 * same documentation: only its first line says so, and what follows stays as it is.
 *
 * Python is run from the package's bin/, or else from PATH. A `#!` line can only hold an absolute
 * path: so it starts a shell, by `env -S` (coreutils 8.30 of 2018, older than any system that Node
 * runs on), which knows where the script is. Other interpreters are looked up in PATH.
 * @param path of the script, relative to the prefix
 * @param text a binary string
 * @param isMoved whether an interpreter's path is one of the old place
 */
export function relocateShebang(
  path: string,
  text: string,
  isMoved: (path: string) => boolean,
): string {
  const old = interpreterOf(text);
  if (old === undefined || !isMoved(old.path)) return text;
  const name = basename(old.path);
  const options = old.options === '' ? '' : `${old.options} `;
  if (!/^python[\d.]*t?$/.test(name)) {
    return `#!/usr/bin/env ${options === '' ? name : `-S ${name} ${old.options}`}\n${old.rest}`;
  }
  const beside = `$(dirname -- "$0")/${join(relative(dirname(path), 'bin'), 'python3')}`;
  const python = `"$(command -v "${beside}" || echo python3)"`;
  return `#!/usr/bin/env -S sh -c 'exec ${python} ${options}"$0" "$@"'\n${old.rest}`;
}

function interpreterOf(text: string): Interpreter | undefined {
  const match = WRAPPED.exec(text) ?? DIRECT.exec(text);
  if (match === null) return undefined;
  const [lines, word, options] = match;
  return {
    path: word!.replace(/'([^']*)'|"([^"]*)"/g, '$1$2'),
    options: options!.trim(),
    rest: text.slice(lines.length),
  };
}
