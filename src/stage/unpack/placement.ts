/**
 * What may be put where: every decision of unpacking, and no I/O.
 *
 * The prefix starts empty and only the unpacker writes to it, so a tree in memory knows everything
 * that is there. Each member of a package is turned into a step whose path is real: none of its
 * directories is a symlink. So executing a step needs no look at the file system, and cannot leave
 * the prefix.
 *
 * The rules:
 * - A name is relative and has no `..`. Devices and fifos are refused.
 * - A directory of a name that is a symlink is followed while it stays inside the prefix (a venv's
 *   lib64 -> lib); one that leads outside may exist, but nothing is written through it.
 * - A hard link goes to a file or symlink that is there already.
 * - A file, link or symlink replaces anything but a directory; a directory merges into a directory.
 *   Anything else is a conflict.
 * - There is an end to members, and to the length of a name.
 * - setuid, setgid and sticky bits are dropped, and unless told otherwise the write bits of group
 *   and others.
 */
import { PythonMpiError } from '../../errors.ts';
import { type Member, printable } from '../../tar/read.ts';

/**
 * One thing to do in the prefix. Paths are relative to it, real, and binary strings (see names.ts).
 */
export interface Step {
  action: 'file' | 'link' | 'symlink' | 'directory' | 'none';
  path: string;
  /**
   * Directories to make first, outermost first. For a directory this includes itself if it is new.
   */
  missing: string[];
  /** Whether something that is not a directory lies at `path` and has to go first. */
  replaces: boolean;
  /** For a link the path of what it links to, for a symlink its text. */
  target: string;
  /** Permission bits. */
  mode: number;
}

class Directory {
  readonly kind = 'directory';
  /** By name: one component, so that a million entries cost little more than their names. */
  #entries: Map<string, Node> | undefined;

  get(name: string): Node | undefined {
    return this.#entries?.get(name);
  }

  set(name: string, node: Node): void {
    // Most of a hostile million may be empty, and an empty Map is not small.
    this.#entries ??= new Map();
    this.#entries.set(name, node);
  }
}

type Node = Directory | { kind: 'file' } | { kind: 'symlink'; target: string };

const FILE: Node = { kind: 'file' };

const SAFE_MODE = 0o755;
/** What Linux allows as well (path_resolution(7)). */
const MAX_SYMLINKS = 40;
/** Longest path in bytes that Linux takes, its NUL included (limits.h). */
const PATH_MAX = 4096;
/**
 * Members, and directories that come with them unnamed, that one prefix may have. The largest
 * environments have a third of that. An entry costs a few hundred bytes here and a thousand in the
 * kernel, so ten million would take much of a node's memory.
 */
export const MAX_ENTRIES = 1_000_000;

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

export class Placement {
  readonly #root = new Directory();
  readonly #permissions: number;
  readonly #most: number;
  #entries = 0;

  /**
   * @param permissions bits that are kept
   * @param most entries it may have
   */
  constructor(permissions = SAFE_MODE, most = MAX_ENTRIES) {
    this.#permissions = permissions;
    this.#most = most;
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
    this.#count();
    const step: Step = {
      action: type,
      path: '',
      missing: [],
      replaces: false,
      target: member.target,
      mode: member.mode & this.#permissions,
    };
    if (type === 'directory') {
      step.path = this.#directory(components, name, step.missing).path;
      return step;
    }

    // A link's target first: what the link replaces may be what it is looked up through.
    let made: Node = FILE;
    if (type === 'link') {
      const existing = this.#existing(member.target, name);
      step.target = existing.path;
      made = existing.node;
    } else if (type === 'symlink') {
      checkTarget(member.target, name);
      made = { kind: 'symlink', target: member.target };
    }
    const last = components.pop()!;
    const { path, directory } = this.#directory(components, name, step.missing);
    step.path = join(path, last);
    const existing = directory.get(last);
    if (existing?.kind === 'directory') throw conflict(name, 'would replace a directory');
    if (type === 'link' && step.target === step.path) {
      step.action = 'none';
      return step;
    }
    step.replaces = existing !== undefined;
    directory.set(last, made);
    return step;
  }

  #count(): void {
    if (++this.#entries <= this.#most) return;
    throw new PythonMpiError('UNSAFE_PACKAGE', `there are more than ${this.#most} members`, {
      hint: 'leave out what is not needed, or use a squashfs image: see the README',
    });
  }

  /**
   * A directory with its real path.
   * @param missing gets the directories that are not there yet; without it their absence is an
   *   error
   */
  #directory(
    components: readonly string[],
    member: string,
    missing?: string[],
  ): { path: string; directory: Directory } {
    const ahead = components.toReversed();
    const names: string[] = [];
    /** The root, and the directory behind each of the names. */
    const stack = [this.#root];
    let followed = 0;
    for (let component = ahead.pop(); component !== undefined; component = ahead.pop()) {
      if (component === '..') {
        if (names.pop() === undefined) throw unsafe(member, 'leads outside through a symlink');
        stack.pop();
        continue;
      }
      const parent = stack.at(-1)!;
      let node = parent.get(component);
      if (node === undefined) {
        if (missing === undefined) throw conflict(member, 'links to something that is not there');
        this.#count();
        node = new Directory();
        parent.set(component, node);
        missing.push(join(names.join('/'), component));
      } else if (node.kind === 'file') {
        const file = printable(join(names.join('/'), component));
        throw conflict(member, `needs ${file} to be a directory, which is a file`);
      } else if (node.kind === 'symlink') {
        followed += 1;
        if (followed > MAX_SYMLINKS) throw unsafe(member, 'goes round in symlinks');
        if (node.target.startsWith('/')) throw unsafe(member, 'leads outside through a symlink');
        ahead.push(...plain(node.target).reverse());
        continue;
      }
      names.push(component);
      stack.push(node);
    }
    return { path: names.join('/'), directory: stack.at(-1)! };
  }

  /** The file or symlink that a hard link names, with its real path. */
  #existing(target: string, member: string): { path: string; node: Node } {
    const components = split(target, member);
    const last = components.pop();
    const { path, directory } = this.#directory(components, member);
    const node = last === undefined ? undefined : directory.get(last);
    if (last === undefined || node === undefined) {
      throw conflict(member, 'links to something that is not there');
    }
    if (node.kind === 'directory') throw conflict(member, 'is a hard link to a directory');
    return { path: join(path, last), node };
  }
}

function join(directory: string, name: string): string {
  return directory === '' ? name : `${directory}/${name}`;
}

/** The components of a path that mean something; may include `..`. */
function plain(path: string): string[] {
  return path.split('/').filter(component => component !== '' && component !== '.');
}

/** The components of a name in an archive. @throws PythonMpiError UNSAFE_PACKAGE */
function split(path: string, member: string): string[] {
  if (path.startsWith('/')) throw unsafe(member, 'has an absolute name');
  if (path.includes('\0')) throw unsafe(member, 'has a NUL in its name');
  if (path.length >= PATH_MAX) throw conflict(member, `has a name of ${path.length} bytes`);
  const components = plain(path);
  if (components.includes('..')) throw unsafe(member, 'has a name with ..');
  return components;
}

/** What stands in a symlink. @throws PythonMpiError UNSAFE_PACKAGE, CORRUPT_PACKAGE */
function checkTarget(target: string, member: string): void {
  if (target.includes('\0')) throw unsafe(member, 'has a NUL');
  if (target === '' || target.length >= PATH_MAX) {
    throw conflict(member, `is a symlink of ${target.length} bytes`);
  }
}
