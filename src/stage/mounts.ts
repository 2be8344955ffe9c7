/**
 * Which file system a path lies on, and whether other nodes share it. Pure: the mount table is
 * given.
 */

export interface Mount {
  at: string;
  /** As the kernel calls it: nfs4, lustre, tmpfs, fuse.sshfs... */
  type: string;
  /** No program can be executed there, and no library loaded. */
  noexec?: boolean;
}

/** File systems that are served over a network, so that each look-up is work for a server. */
const SHARED =
  'nfs nfs4 lustre gpfs mmfs beegfs ceph 9p virtiofs cifs smb3 afs panfs pvfs2 orangefs ' +
  'wekafs dvs gfs2 ocfs2';
const SHARED_BY_FUSE =
  'sshfs ceph ceph-fuse glusterfs juicefs dfuse daos cvmfs cvmfs2 rclone s3fs beegfs';
const SHARED_TYPES = new Set([
  ...SHARED.split(' '),
  ...SHARED_BY_FUSE.split(' ').map(name => `fuse.${name}`),
]);

export function isShared({ type }: Mount): boolean {
  return SHARED_TYPES.has(type);
}

/**
 * The lines of /proc/self/mountinfo, in mounting order (proc(5): the fifth field is the mount point
 * with blanks in octal, the sixth has its options, the type is the first field after a lone dash).
 */
export function parseMountinfo(text: string): Mount[] {
  const mounts: Mount[] = [];
  for (const line of text.split('\n')) {
    const [before, after] = line.split(' - ', 2);
    const [, , , , at, options = ''] = before?.split(' ') ?? [];
    const type = after?.split(' ')[0];
    if (!at || !type) continue;
    const plain = at.replace(/\\([0-7]{3})/g, (_, octal) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
    const noexec = options.split(',').includes('noexec');
    mounts.push(noexec ? { at: plain, type, noexec } : { at: plain, type });
  }
  return mounts;
}

/**
 * Why a node-local directory should be another one, as what is told of it; undefined when nothing
 * speaks against it.
 */
export function adviseAgainst(directory: string, mounts: readonly Mount[]): string | undefined {
  const mount = mountOf(directory, mounts);
  if (!isShared(mount)) return undefined;
  return (
    `${directory} is shared by all nodes (${mount.type} at ${mount.at}), ` +
    'and each of them unpacks there; set PYTHON_MPI_CHROOT to a node-local directory'
  );
}

/**
 * The mount that a real path lies on: the longest match, of these the one that was mounted last.
 */
export function mountOf(path: string, mounts: readonly Mount[]): Mount {
  let best: Mount = { at: '/', type: 'unknown' };
  for (const mount of mounts) {
    const below = mount.at === '/' || path === mount.at || path.startsWith(`${mount.at}/`);
    if (below && mount.at.length >= best.at.length) best = mount;
  }
  return best;
}
