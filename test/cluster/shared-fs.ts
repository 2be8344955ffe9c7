/**
 * The shared file system in a box (test/shared-fs), on the nodes of a cluster: as slow as a job of
 * many nodes finds it, and counting what each node asks for.
 */
import { spawnSync } from 'node:child_process';
import { type Cluster, type Finished, PROJECT } from './cluster.ts';

/** What one node has asked the server for since the last {@link SharedFs.reset}. */
export interface Counts {
  lookup: number;
  /** Look-ups of names that are not there. */
  absent: number;
  getattr: number;
  open: number;
  opendir: number;
  readdir: number;
  readlink: number;
  read: number;
  bytes: number;
  /** Reads that went on where the one before ended. */
  sequential: number;
}

/** How fast the server is. */
export interface Speed {
  /** Metadata requests in a second, of all nodes together; 0: no limit. */
  operations: number;
  /** Bytes in a second, of all nodes together; 0: no limit. */
  bytes: number;
  /** Microseconds from a node to the server and back. */
  roundTripUs: number;
}

/** As fast as it can be: for tests that only count. */
export const UNLIMITED: Speed = { operations: 0, bytes: 0, roundTripUs: 0 };

/**
 * What is left for `nodes` nodes of a server that serves a job of `size` nodes: 50,000 metadata
 * requests and 20 GB a second for all, 0.2 ms away.
 */
export function shareOf(size: number, nodes: number): Speed {
  return { operations: (50_000 * nodes) / size, bytes: (20e9 * nodes) / size, roundTripUs: 200 };
}

/** Requests that are not for content. */
export function metadataOf(counts: Counts): number {
  const { lookup, absent, getattr, open, opendir, readdir, readlink } = counts;
  return lookup + absent + getattr + open + opendir + readdir + readlink;
}

/** Why there can be none here, or undefined. */
export function whyNoSharedFs(): string | undefined {
  const made = spawnSync('make', ['-s', '-C', PROJECT, 'shared-fs-program'], { encoding: 'utf8' });
  return made.status === 0 ? undefined : `no libfuse3 to compile it with: ${made.stderr.trim()}`;
}

export class SharedFs {
  readonly #cluster: Cluster;
  readonly #directory: string;

  private constructor(cluster: Cluster, directory: string) {
    this.#cluster = cluster;
    this.#directory = directory;
  }

  /**
   * Puts it over a directory that all nodes see, below neither /tmp nor /dev/shm; the head goes on
   * seeing the plain one.
   * @throws Error when it cannot be mounted
   */
  static async over(cluster: Cluster, directory: string, speed: Speed): Promise<SharedFs> {
    const shared = new SharedFs(cluster, directory);
    await shared.reset(speed);
    return shared;
  }

  /** Lets all nodes forget what they have cached, and counts from 0 again. */
  async reset({ operations, bytes, roundTripUs }: Speed): Promise<void> {
    await this.end();
    await this.#say('up', this.#directory, `${operations}`, `${bytes}`, `${roundTripUs}`);
  }

  /** By node. */
  async counts(): Promise<Record<string, Counts>> {
    const lines = (await this.#say('counts')).trim().split('\n');
    const all = lines.map(line => JSON.parse(line) as Counts & { client: string });
    return Object.fromEntries(all.map(({ client, ...counts }) => [client, counts]));
  }

  async end(): Promise<void> {
    await this.#say('down', this.#directory);
  }

  async #say(...words: string[]): Promise<string> {
    const command = [`${PROJECT}/test/cluster/bed.d/shared-fs`, ...words];
    const { status, stdout, stderr }: Finished = await this.#cluster.on('head', command);
    if (status !== 0) throw new Error(`shared-fs ${words[0]}: status ${status}: ${stderr}`);
    return stdout;
  }
}
