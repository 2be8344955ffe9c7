/**
 * What may be put where: every decision of unpacking, and no I/O.
 *
 * The prefix starts empty and only the unpacker writes to it, so a map in memory knows everything that
 * is there. Each member of a package is turned into a step whose path is real: none of its directories
 * is a symlink. So executing a step needs no look at the file system, and cannot leave the prefix.
 *
 * The rules:
 * - A name is relative and has no `..`. Devices and fifos are refused.
 * - A directory of a name that is a symlink is followed while it stays inside the prefix (a venv's
 *   lib64 -> lib); one that leads outside may exist, but nothing is written through it.
 * - A hard link goes to a file or symlink that is there already.
 * - A file, link or symlink replaces anything but a directory; a directory merges into a directory.
 *   Anything else is a conflict.
 * - setuid, setgid and sticky bits are dropped, and unless told otherwise the write bits of group and others.
 */
import { PythonMpiError } from '../errors.ts';
import { type Member, printable } from './tar.ts';

/** One thing to do in the prefix. Paths are relative to it, real, and binary strings as in tar.ts. */
export interface Step {
  action: 'file' | 'link' | 'symlink' | 'directory' | 'none';
  path: string;
  /** Directories to make first, outermost first. For a directory this includes itself if it is new. */
  missing: string[];
  /** Whether something that is not a directory lies at `path` and has to go first. */
  replaces: boolean;
  /** For a link the path of what it links to, for a symlink its text. */
  target: string;
  /** Permission bits. */
  mode: number;
}

type Node = { kind: 'directory' } | { kind: 'file' } | { kind: 'symlink'; target: string };

const DIRECTORY: Node = { kind: 'directory' };
const FILE: Node = { kind: 'file' };

const SAFE_MODE = 0o755;
/** What Linux allows as well (path_resolution(7)). */
const MAX_SYMLINKS = 40;

function unsafe(member: string, why: string): PythonMpiError {
  return new PythonMpiError('UNSAFE_PACKAGE', `${printable(member)} ${why}`, {
    hint: 'do not use this package unless you know who made it',
  });
}

function conflict(member: string, why: string): PythonMpiError {
  return new PythonMpiError('CORRUPT_PACKAGE', `${printable(member)} ${why}`, {
    hint: 'see which packages bring it and rebuild one of them without',
  });
}

export class Tree {
  readonly #nodes = new Map<string, Node>([['', DIRECTORY]]);
  readonly #permissions: number;

  /** @param permissions bits that are kept */
  constructor(permissions = SAFE_MODE) {
    this.#permissions = permissions;
  }

  /**
   * Decides what to do for a member, and takes it as done.
   * @throws PythonMpiError UNSAFE_PACKAGE, CORRUPT_PACKAGE; without naming the package
   */
  add(member: Member): Step {
    const { type, name } = member;
    if (type === 'device' || type === 'fifo') throw unsafe(name, `is a ${type}`);
    const components = split(name, name);
    if (components.length === 0 && type !== 'directory') throw conflict(name, 'has no name');
    const step: Step = {
      action: type,
      path: '',
      missing: [],
      replaces: false,
      target: member.target,
      mode: member.mode & this.#permissions,
    };
    if (type === 'directory') {
      step.path = this.#directory(components, name, step.missing);
      return step;
    }

    // A link's target first: what the link replaces may be what it is looked up through.
    if (type === 'link') step.target = this.#existing(member.target, name);
    else if (type === 'symlink' && member.target.includes('\0')) throw unsafe(name, 'has a NUL');
    const last = components.pop()!;
    const parent = this.#directory(components, name, step.missing);
    step.path = parent === '' ? last : `${parent}/${last}`;
    const existing = this.#nodes.get(step.path);
    if (existing === DIRECTORY) throw conflict(name, 'would replace a directory');
    if (type === 'link' && step.target === step.path) {
      step.action = 'none';
      return step;
    }
    step.replaces = existing !== undefined;
    this.#nodes.set(step.path, this.#node(type, step.target));
    return step;
  }

  #node(type: 'file' | 'link' | 'symlink', target: string): Node {
    if (type === 'file') return FILE;
    return type === 'link' ? this.#nodes.get(target)! : { kind: 'symlink', target };
  }

  /**
   * The real path of a directory.
   * @param missing gets the directories that are not there yet; without it their absence is an error
   */
  #directory(components: readonly string[], member: string, missing?: string[]): string {
    const asWritten = components.join('/');
    if (this.#nodes.get(asWritten) === DIRECTORY) return asWritten;

    const ahead = components.toReversed();
    const real: string[] = [];
    let followed = 0;
    for (let component = ahead.pop(); component !== undefined; component = ahead.pop()) {
      if (component === '..') {
        if (real.pop() === undefined) throw unsafe(member, 'leads outside through a symlink');
        continue;
      }
      real.push(component);
      const path = real.join('/');
      const node = this.#nodes.get(path);
      if (node === undefined) {
        if (missing === undefined) throw conflict(member, 'links to something that is not there');
        this.#nodes.set(path, DIRECTORY);
        missing.push(path);
      } else if (node.kind === 'file') {
        throw conflict(member, `needs ${printable(path)} to be a directory, which is a file`);
      } else if (node.kind === 'symlink') {
        followed += 1;
        if (followed > MAX_SYMLINKS) throw unsafe(member, 'goes round in symlinks');
        if (node.target.startsWith('/')) throw unsafe(member, 'leads outside through a symlink');
        real.pop();
        ahead.push(...plain(node.target).reverse());
      }
    }
    return real.join('/');
  }

  /** The real path of the file or symlink that a hard link names. */
  #existing(target: string, member: string): string {
    const components = split(target, member);
    const last = components.pop();
    const parent = this.#directory(components, member);
    const path = parent === '' ? `${last}` : `${parent}/${last}`;
    const node = this.#nodes.get(path);
    if (last === undefined || node === undefined) {
      throw conflict(member, 'links to something that is not there');
    }
    if (node === DIRECTORY) throw conflict(member, 'is a hard link to a directory');
    return path;
  }
}

/** The components of a path that mean something; may include `..`. */
function plain(path: string): string[] {
  return path.split('/').filter(component => component !== '' && component !== '.');
}

/** The components of a name in an archive. @throws PythonMpiError UNSAFE_PACKAGE */
function split(path: string, member: string): string[] {
  if (path.startsWith('/')) throw unsafe(member, 'has an absolute name');
  if (path.includes('\0')) throw unsafe(member, 'has a NUL in its name');
  const components = plain(path);
  if (components.includes('..')) throw unsafe(member, 'has a name with ..');
  return components;
}
