/**
 * What `python-mpi --check` makes of what it has found: which look-ups would still go to shared
 * file systems, what they cost, and what to do about each, by name. Pure.
 */
import { isShared, type Mount, mountOf } from '../../stage/mounts.ts';

/** What a start of the script would touch. All paths are real. */
export interface Findings {
  mounts: readonly Mount[];
  /** What is looked up where: a variable or role, and its directories. */
  places: readonly { name: string; paths: readonly string[] }[];
  /** Path look-ups of the script's imports, by directory. */
  lookups: Readonly<Record<string, number>>;
  /** Imports that failed here. */
  missing: readonly string[];
  /** Bytes that the packages take once unpacked; undefined without packages. */
  unpacked: number | undefined;
  /** Bytes that are free in the node-local directory. */
  free: number;
  chroot: string;
}

/** What to do about a place on a shared file system. */
const ADVICE: Readonly<Record<string, string>> = {
  script: 'keep it out of HOME: put it into a package, or copy it with python-mpi-bcast',
  HOME: 'Python and libraries look for settings there; set HOME to a node-local directory',
  PYTHONUSERBASE: 'bundle it (python-mpi-bundle --user-base), or set PYTHONNOUSERSITE=1',
  PYTHONPATH: 'bundle it (python-mpi-bundle --dir), and unset the variable',
  PATH: 'leave such directories out, above all those in HOME',
  LD_LIBRARY_PATH: 'leave such directories out: every library is looked for there first',
  'sys.path': 'bundle the Python that is there (python-mpi-bundle --prefix or --venv)',
};

/**
 * Look-ups per second that a shared file system answers for a whole job: what a good metadata
 * server does.
 */
const LOOKUPS_PER_SECOND = 20_000;
/** What staging takes: a second to meet and start, and this many unpacked bytes per second. */
const STAGING_SECONDS = 1;
const STAGING_RATE = 250e6;

/**
 * Ranks from which staging is quicker than `lookups` on a shared file system by each; undefined
 * when it never is.
 */
export function paysFrom(lookups: number, unpacked: number): number | undefined {
  if (lookups === 0) return undefined;
  const seconds = STAGING_SECONDS + unpacked / STAGING_RATE;
  return Math.ceil((seconds * LOOKUPS_PER_SECOND) / lookups);
}

/** The report, a line each. */
export function advise(findings: Findings): string[] {
  const { mounts, places, lookups, missing, unpacked, free, chroot } = findings;
  const lines: string[] = [];
  for (const { name, paths } of places) {
    const shared = paths.filter(path => isShared(mountOf(path, mounts)));
    for (const path of shared) {
      const { type, at } = mountOf(path, mounts);
      lines.push(`${name}: ${path} is shared (${type} at ${at})`);
    }
    if (shared.length > 0 && ADVICE[name] !== undefined) lines.push(`    ${ADVICE[name]}`);
  }
  if (lines.length === 0) lines.push('nothing that is looked up lies on a shared file system');

  const counts = Object.entries(lookups);
  const total = counts.reduce((sum, [, count]) => sum + count, 0);
  const remote = counts
    .filter(([directory]) => isShared(mountOf(directory, mounts)))
    .reduce((sum, [, count]) => sum + count, 0);
  lines.push(`imports: ${total} path look-ups per rank, ${remote} of them on shared file systems`);
  for (const name of missing) lines.push(`imports: ${name} cannot be imported here; not counted`);

  const megabytes = (bytes: number) => `${Math.ceil(bytes / 1e6)} MB`;
  if (unpacked === undefined) lines.push('packages: none (PYTHON_MPI_PACKAGES)');
  else {
    const verdict = unpacked > free ? 'too little; use another PYTHON_MPI_CHROOT' : 'enough';
    lines.push(
      `packages: ${megabytes(unpacked)} of node memory; ${chroot} has ` +
        `${Number.isFinite(free) ? megabytes(free) : 'no limit'} free: ${verdict}`,
    );
  }
  const ranks = paysFrom(remote, unpacked ?? 0);
  lines.push(
    ranks === undefined
      ? 'staging: nothing to gain, the imports are local here; on the nodes this may differ'
      : `staging pays from about ${ranks} ranks, at ${LOOKUPS_PER_SECOND} look-ups per second for the whole job`,
  );
  return lines;
}
