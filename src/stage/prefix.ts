/**
 * Prefixes on a node: which are there, which are in use, and which may go.
 *
 *     prefix-<id>/             a whole tree, published by rename
 *     draft-<id>-<token>/      a tree in the making
 *     hold-<id>-<token>        lock of a user of the prefix, or maker of the draft, for its life
 *     members-<id>-<token>     processes on whose behalf it is held
 *     session-..., runs-...    what starters share, see sessions.ts
 *
 * A hold is dead when its lock can be taken and none of its members runs. What dead holds refer to
 * is swept by the next run there, so a node leader that was killed is no special case: letting go
 * of a hold is to let it die and sweep. A prefix without any hold was left on purpose, for the next
 * run.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import type { Deadline } from '../deadline.ts';
import type { ProcessIdentity } from '../process-identity.ts';
import { KernelLock } from './lock.ts';
import type { PackageSpec } from './package.ts';
import { sweepSessions } from './sessions.ts';
import { freshToken, UserDirectory } from './user-directory.ts';

/** Part of every id: change it when the same packages would be unpacked differently. */
const LAYOUT = 2;

/** Whether that very process still runs. */
export type Alive = (member: ProcessIdentity) => boolean;

/**
 * The name of the tree that these packages make: same content in the same order, same id.
 * @returns 32 hexadecimal digits
 */
export function prefixId(packages: readonly Pick<PackageSpec, 'sha256'>[]): string {
  const hash = createHash('sha256').update(`python-mpi prefix, layout ${LAYOUT}\n`);
  for (const { sha256 } of packages) hash.update(`${sha256}\n`);
  return hash.digest('hex').slice(0, 32);
}

/** The files of one hold, by name in the user's directory. */
class HoldNames {
  readonly prefix: string;
  readonly draft: string;
  readonly lock: string;
  readonly members: string;

  constructor(id: string, token: string) {
    this.prefix = `prefix-${id}`;
    this.draft = `draft-${id}-${token}`;
    this.lock = `hold-${id}-${token}`;
    this.members = `members-${id}-${token}`;
  }

  /** Undefined for what is not the lock of a hold. */
  static ofLock(name: string): HoldNames | undefined {
    const [, id, token] = /^hold-([0-9a-f]+)-([0-9a-f]+)$/.exec(name) ?? [];
    return id === undefined || token === undefined ? undefined : new HoldNames(id, token);
  }
}

/** All prefixes of this user on this node. */
export class PrefixStore {
  readonly #home: UserDirectory;
  readonly #alive: Alive;

  private constructor(home: UserDirectory, alive: Alive) {
    this.#home = home;
    this.#alive = alive;
  }

  /**
   * Opens the user's directory in the chroot, and sweeps what dead holds left in it.
   * @param chroot node-local directory, absolute
   * @throws PythonMpiError CHROOT_UNUSABLE, NO_SPACE, TIMEOUT, SYSTEM; as do all methods
   */
  static async open(chroot: string, alive: Alive, deadline: Deadline): Promise<PrefixStore> {
    const store = new PrefixStore(new UserDirectory(chroot), alive);
    await store.sweep(deadline);
    return store;
  }

  /**
   * Discards what dead holds left.
   * @returns number of holds that are not dead yet only because some of their members still run
   */
  sweep(deadline: Deadline): Promise<number> {
    return this.#home.change(deadline, () => this.#sweep());
  }

  /** The user's directory. */
  get directory(): string {
    return this.#home.path;
  }

  /** Holds the prefix if it is there; it is whole then. */
  find(id: string, deadline: Deadline): Promise<Hold | undefined> {
    return this.#home.change(deadline, () => {
      const names = new HoldNames(id, freshToken());
      return fs.existsSync(this.#path(names.prefix)) ? this.#hold(names) : undefined;
    });
  }

  /** Makes an empty private directory for a prefix in the making. */
  begin(id: string, deadline: Deadline): Promise<Draft> {
    return this.#home.change(deadline, () => {
      const names = new HoldNames(id, freshToken());
      const hold = this.#hold(names);
      fs.mkdirSync(this.#path(names.draft), 0o700);
      return {
        directory: this.#path(names.draft),
        prefix: this.#path(names.prefix),
        publish: deadline => this.#publish(names, hold, deadline),
        discard: deadline => hold.release(false, deadline),
      };
    });
  }

  #publish(names: HoldNames, hold: Hold, deadline: Deadline): Promise<Hold> {
    return this.#home.change(deadline, () => {
      // Another leader may have made the same meanwhile; its prefix may be in use, so it stays.
      if (fs.existsSync(this.#path(names.prefix))) this.#home.discard(names.draft);
      else fs.renameSync(this.#path(names.draft), this.#path(names.prefix));
      return hold;
    });
  }

  #hold(names: HoldNames): Hold {
    // The name is new, so no process has the lock.
    const lock = KernelLock.take(this.#path(names.lock))!;
    return {
      directory: this.#path(names.prefix),
      record: members =>
        fs.writeFileSync(this.#path(names.members), JSON.stringify(members), { mode: 0o600 }),
      release: (keep, deadline) =>
        this.#home.change(deadline, () => {
          fs.rmSync(this.#path(names.members), { force: true });
          // What is to be kept must not look dead to the sweep, or go with the dead hold of
          // another.
          if (!keep) lock.release();
          this.#sweep();
          if (!keep) return;
          fs.rmSync(this.#path(names.lock));
          lock.release();
        }),
    };
  }

  /** During a change: discards what only dead holds refer to, and these. */
  #sweep(): number {
    const live = new Set<string>();
    let orphaned = 0;
    const dead: [HoldNames, KernelLock][] = [];
    const entries = fs.readdirSync(this.directory);
    sweepSessions(this.directory, entries, this.#alive);
    for (const name of entries) {
      const names = HoldNames.ofLock(name);
      if (names === undefined) continue;
      const lock = KernelLock.take(this.#path(name));
      if (lock !== undefined && !this.#membersOf(names).some(this.#alive)) dead.push([names, lock]);
      else {
        if (lock !== undefined) orphaned++;
        lock?.release();
        live.add(names.prefix);
      }
    }
    for (const [names, lock] of dead) {
      // A hold that still has a draft never used the prefix that may be there.
      if (!this.#home.discard(names.draft) && !live.has(names.prefix)) {
        this.#home.discard(names.prefix);
      }
      fs.rmSync(this.#path(names.members), { force: true });
      fs.rmSync(this.#path(names.lock));
      lock.release();
    }
    return orphaned;
  }

  #membersOf(names: HoldNames): ProcessIdentity[] {
    try {
      return JSON.parse(fs.readFileSync(this.#path(names.members), 'utf8')) as ProcessIdentity[];
    } catch {
      // None were recorded, or their leader died while it wrote them: before they started.
      return [];
    }
  }

  #path(name: string): string {
    return join(this.directory, name);
  }
}

/** A tree in the making. Ends with one of its methods. */
export interface Draft {
  /** Absolute path of a private directory, empty at first. */
  readonly directory: string;
  /** Absolute path that it will have. */
  readonly prefix: string;
  /** Gives the finished tree its name, at once and as a whole, and holds it. */
  publish(deadline: Deadline): Promise<Hold>;
  /** Removes it. */
  discard(deadline: Deadline): Promise<void>;
}

/** A prefix in use. It stays until this process has ended or let go, and all members have ended. */
export interface Hold {
  /** Absolute path of the prefix. */
  readonly directory: string;
  /** Says on whose behalf it is held, instead of what was said before. */
  record(members: readonly ProcessIdentity[]): void;
  /**
   * Lets go. The members are taken to have ended.
   * @param keep leave the prefix for the next run; otherwise the last to let go removes it
   */
  release(keep: boolean, deadline: Deadline): Promise<void>;
}
