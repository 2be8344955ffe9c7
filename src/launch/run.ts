/**
 * What a launch is asked for.
 */
import type { PythonMpiError } from '../errors.ts';
import type { Starter } from '../exec/starter.ts';
import type { Log } from '../log.ts';
import type { Shape } from '../net/driver.ts';
import type { Reach } from '../net/reach.ts';

/** Everything the user can set. */
export interface Configuration {
  /** Package tarballs, absolute or relative to pkgroot; later ones override earlier ones. */
  packages: readonly string[];
  pkgroot: string;
  /** Node-local directory to unpack into. */
  chroot: string;
  /** Interpreter to use instead of the staged one or the one on PATH. */
  python: string | undefined;
  /** Name of the launcher, when it is not to be detected. */
  launcher: string | undefined;
  /** Where this node is to be reached. */
  reach: Reach;
  /** Shape of the broadcast's tree. */
  tree: Shape;
  /** Longest time staging may take, in milliseconds. */
  timeout: number;
  /** Leave the unpacked packages on the nodes. */
  keep: boolean;
  /** Go on without nodes that are lost during staging. */
  tolerateLostNodes: boolean;
  /** Seal packages on their way between nodes, which are otherwise only authenticated. */
  encrypt: boolean;
  verbose: boolean;
  /** Do not tell of success. */
  quiet: boolean;
  /** File for the report of the run, absolute, if there is to be one. */
  report: string | undefined;
}

/**
 * What a killed leader leaves: prefixes in a chroot, or drafts of copies in the directory of their
 * destination.
 */
export type CleanupKind = 'prefixes' | 'drafts';

/** The command line that cleans up in a directory. */
export type Clean = (litter: CleanupKind, directory: string) => readonly string[];

/** One rank's launch. */
export interface Run {
  configuration: Configuration;
  /** Python's own arguments. */
  python: readonly string[];
  /** Ranks to start with the embedded launcher, if the user asked for it. */
  ranks: number | undefined;
  env: NodeJS.ProcessEnv;
  /**
   * The process that becomes Python, or stays beside it; undefined where this program itself starts
   * the ranks.
   */
  starter: Starter | undefined;
  /** Command line that runs this program again, for the ranks of the embedded launcher. */
  self: readonly [string, ...string[]];
  /** Command line that cleans up in a directory, for when this process is killed. */
  janitor: Clean;
  log: Log;
  /** Hears how far the broadcast has come, in bytes. */
  progress: (done: number, total: number) => void;
  /** Tells the log which rank is speaking, once that is known. */
  introduce: (rank: string) => void;
  /** Tells the user of an error, in one line. */
  complain: (error: PythonMpiError) => void;
  /** Tells the user of what is no error yet, in one line. */
  warn: (message: string) => void;
  /** Tells the user what has been done, in one line. */
  inform: (message: string) => void;
}
