/**
 * Makes a file independent of where it was, as its bytes pass by.
 *
 * The prefix's path on a node is not known yet, so an old path becomes one that is found at run
 * time: relative to the file itself, or to `sys.prefix`. Where the format has no such means the
 * bytes stay, the program goes on looking in the old place, and the caller is told. Pure: bytes in,
 * bytes out.
 */

import { dirname, relative } from 'node:path/posix';
import { isElf, readDynamic, withSearchPath } from '../elf.ts';
import { bytesOf } from './filename.ts';
import { relocateShebang } from './shebang.ts';
import SYSCONFIG_END from './sysconfig.py.ts';
import { type FileEntry, locate, type Origin } from './tree.ts';

/**
 * What of an old location is left in a file: directories in which it looks for libraries, or the
 * path somewhere in its text or data.
 */
export type Leftover =
  | { kind: 'search path'; directories: string[] }
  | { kind: 'text' }
  | { kind: 'data' };

export interface Relocated {
  content: Buffer;
  leftover: Leftover | undefined;
}

/** Notes of package managers, which nothing reads at run time. */
const NOTES = /(?:^|\/)(?:[^/]+\.(?:dist|egg)-info|conda-meta)\//;
/** They hold the prefix they were built for, and PYTHONHOME overrides it. */
const INTERPRETER = /(?:^|\/)(?:bin\/python[\d.]*|libpython[^/]*)$/;
const TEXT_PROBE = 8192;

const SHELL = Buffer.from('#!/bin/sh\n');

const SYSCONFIG = /(?:^|\/)_sysconfigdata[^/]*\.py$/;

/**
 * The content to put in the package for a file whose content was `content`, and what of its old
 * location is left in it.
 */
export function relocate(entry: FileEntry, content: Buffer): Relocated {
  const { layer } = entry;
  if (layer.origins.length === 0) return { content, leftover: undefined };
  // Everything below is bytes as latin1 text, which keeps them whatever the encoding; so paths must
  // be too.
  const path = binary(entry.path);
  const origins = layer.origins.map(({ from, at }) => ({ from: binary(from), at: binary(at) }));
  if (isElf(content)) return relocateElf(path, content, origins);
  // In a script for the shell a path may be quoted beyond recognition.
  const mayHold = content.subarray(0, SHELL.length).equals(SHELL) || holds(content, origins);
  if (!mayHold || NOTES.test(path)) return { content, leftover: undefined };
  if (content.subarray(0, TEXT_PROBE).includes(0)) {
    return { content, leftover: holds(content, origins) ? { kind: 'data' } : undefined };
  }

  const text = content.toString('latin1');
  let changed = relocateShebang(path, text, old => locate(old, origins) !== undefined);
  if (SYSCONFIG.test(path)) changed = relocateSysconfig(changed, origins);
  if (path.endsWith('.pc')) {
    changed = replacePaths(changed, origins, at => `\${pcfiledir}/${relative(dirname(path), at)}`);
  }
  const result = changed === text ? content : Buffer.from(changed, 'latin1');
  // What is left in sysconfig's variables is replaced when they are read.
  const left = !SYSCONFIG.test(path) && holds(result, origins);
  return { content: result, leftover: left ? { kind: 'text' } : undefined };
}

/** A path as files hold it, one character for each byte. */
function binary(path: string): string {
  return bytesOf(path).toString('latin1');
}

/** Whether any old location occurs as a whole path or the beginning of one. */
function holds(content: Buffer, origins: readonly Origin[]): boolean {
  return origins.some(({ from }) => {
    const find = (start: number) => content.indexOf(from, start, 'latin1');
    for (let at = find(0); at >= 0; at = find(at + 1)) {
      const next = content[at + from.length];
      if (next === undefined || !/[\w.-]/.test(String.fromCharCode(next))) return true;
    }
    return false;
  });
}

/** Replaces every old location by what `place` makes of its path in the package. */
function replacePaths(
  text: string,
  origins: readonly Origin[],
  place: (at: string) => string,
): string {
  return origins.reduce(
    (result, { from, at }) =>
      result.replace(new RegExp(`${literal(from)}(?![\\w.-])`, 'g'), () => place(at)),
    text,
  );
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** The build's own variables, of which those that are paths are put right when they are read. */
function relocateSysconfig(text: string, origins: readonly Origin[]): string {
  const places = origins
    .filter(({ at }) => at === '')
    .map(({ from }) => `'${from.replace(/['\\]/g, '\\$&')}'`);
  const table = `_PLACES = (${places.join(', ')},)`;
  return `${text}\n${SYSCONFIG_END.replace('_PLACES = ()', () => table)}`;
}

function relocateElf(path: string, content: Buffer, origins: readonly Origin[]): Relocated {
  let result = content;
  for (const old of readDynamic(content)?.searchPaths ?? []) {
    const value = old.value
      .split(':')
      .map(directory => {
        const at = locate(directory.replace(/(.)\/+$/, '$1'), origins);
        return at === undefined ? directory : `$ORIGIN/${relative(dirname(path), at)}`;
      })
      .join(':');
    if (value !== old.value) result = withSearchPath(result, old, value) ?? result;
  }
  const directories = (readDynamic(result)?.searchPaths ?? [])
    .flatMap(({ value }) => value.split(':'))
    .filter(directory => directory.startsWith('/'));
  if (directories.length > 0) {
    return { content: result, leftover: { kind: 'search path', directories } };
  }
  const left = !INTERPRETER.test(path) && holds(result, origins);
  return { content: result, leftover: left ? { kind: 'data' } : undefined };
}
