/**
 * What python-mpi-bcast puts on a node: how a node knows that it holds something already, and what
 * is left to do when the stream has been unpacked into a draft. Copies of trees, and packages that
 * are extracted.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import { PythonMpiError } from '../../errors.ts';
import { binaryPath } from '../../tar/names.ts';
import { chrootError } from '../system-error.ts';
import { type CopyDraft, KEPT } from './copy-draft.ts';
import { type Item, inventoryDigest, takeInventory } from './inventory.ts';

export interface Arrival {
  /** Names that are published, in the directory of the destination. */
  readonly names: readonly string[];
  /** Whether the destination holds this content already. */
  holds(content: string): boolean;
  /** Where in the draft the stream is unpacked. */
  unpackInto(draft: CopyDraft): string;
  /**
   * Completes and checks the draft.
   * @throws PythonMpiError CORRUPT_PACKAGE when it is not the content; CHROOT_UNUSABLE when
   *   publishing would destroy what the user has not given up
   */
  complete(draft: CopyDraft, content: string): void;
}

/**
 * Files and directories, as they are at the root. Their content is known by the digest of their
 * inventory.
 */
export class TreeArrival implements Arrival {
  readonly names: readonly string[];
  readonly #directory: string;
  readonly #replace: boolean;

  /**
   * @param directory of the destination, absolute
   * @param replace whether what is there and not in the copy may go
   */
  constructor(directory: string, names: readonly string[], replace: boolean) {
    this.#directory = directory;
    this.names = names;
    this.#replace = replace;
  }

  /** What the destination holds. @throws PythonMpiError CHROOT_UNUSABLE, SYSTEM */
  inventory(): Item[] {
    return inventoryOf(this.#directory, this.names);
  }

  holds(content: string): boolean {
    return inventoryDigest(this.inventory()) === content;
  }

  unpackInto(draft: CopyDraft): string {
    return draft.path;
  }

  complete(draft: CopyDraft, content: string): void {
    draft.keep(JSON.parse(fs.readFileSync(join(draft.path, KEPT), 'utf8')) as string[]);
    const fresh = inventoryOf(draft.tree, this.names);
    if (inventoryDigest(fresh) !== content) {
      throw new PythonMpiError(
        'CORRUPT_PACKAGE',
        `what arrived in ${this.#directory} is not what was sent; it was written to meanwhile`,
        { hint: 'start again when no program writes there' },
      );
    }
    if (this.#replace) return;
    const kinds = new Map(fresh.map(item => [item.path, item.kind]));
    const lost = this.inventory().filter(item => kinds.get(item.path) !== item.kind);
    if (lost.length > 0) throw wouldDestroy(this.#directory, lost);
  }
}

function inventoryOf(directory: string, names: readonly string[]): Item[] {
  try {
    return names.flatMap(name => takeInventory(directory, name));
  } catch (error) {
    throw chrootError(error, `read ${directory}`);
  }
}

/** Packages, unpacked over each other into a directory. Their content is known by their digests. */
export class PackageArrival implements Arrival {
  /** In the directory: what was unpacked there, and what came out of it. */
  static readonly #RECORD = '.python-mpi-bcast';
  readonly names: readonly [string];
  readonly #directory: string;
  readonly #replace: boolean;

  /** As {@link TreeArrival}. */
  constructor(directory: string, name: string, replace: boolean) {
    this.#directory = directory;
    this.names = [name];
    this.#replace = replace;
  }

  holds(content: string): boolean {
    const path = join(this.#directory, this.names[0]);
    return (
      this.#recordOf(path) === PackageArrival.#record(content, this.#inventory(this.#directory))
    );
  }

  unpackInto(draft: CopyDraft): string {
    const path = join(draft.tree, this.names[0]);
    fs.mkdirSync(path, { recursive: true, mode: 0o755 });
    return path;
  }

  complete(draft: CopyDraft, content: string): void {
    const there = this.#inventory(this.#directory);
    const ours = this.#recordOf(join(this.#directory, this.names[0])) !== undefined;
    if (there.length > 0 && !ours && !this.#replace) throw wouldDestroy(this.#directory, there);
    const file = join(draft.tree, this.names[0], PackageArrival.#RECORD);
    fs.rmSync(file, { force: true, recursive: true });
    fs.writeFileSync(file, PackageArrival.#record(content, this.#inventory(draft.tree)), {
      mode: 0o600,
      flag: 'wx',
    });
  }

  /**
   * What was unpacked. The directory itself is not part of it: the record's file changes its time.
   */
  #inventory(directory: string): Item[] {
    const [name] = this.names;
    const own = [binaryPath(name), binaryPath(`${name}/${PackageArrival.#RECORD}`)];
    return inventoryOf(directory, this.names)
      .filter(item => item.kind !== 'directory' || item.path !== own[0])
      .filter(item => item.path !== own[1]);
  }

  #recordOf(path: string): string | undefined {
    try {
      return fs.readFileSync(join(path, PackageArrival.#RECORD), 'latin1');
    } catch {
      return undefined;
    }
  }

  static #record(content: string, items: readonly Item[]): string {
    return `${content} ${inventoryDigest(items)}\n`;
  }
}

function wouldDestroy(directory: string, lost: readonly Item[]): PythonMpiError {
  const first = Buffer.from(lost[0]!.path, 'latin1').toString();
  const more = lost.length > 1 ? ` and ${lost.length - 1} more` : '';
  return new PythonMpiError('CHROOT_UNUSABLE', `${join(directory, first)}${more} would be lost`, {
    hint: 'choose another DEST, end it with / to copy into it, or use --replace',
  });
}
