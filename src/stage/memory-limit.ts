/**
 * How much memory the control groups of this process leave it: on compute nodes those of the job.
 * Files in memory count against them, and going over a limit is not an error one could handle but
 * the end of a process.
 *
 * Linux: cgroups(7); for version 1 the kernel's Documentation/admin-guide/cgroup-v1/memory.rst, for
 * version 2 Documentation/admin-guide/cgroup-v2.rst.
 */
import fs from 'node:fs';
import { dirname, join } from 'node:path';

/** Where the memory controller of each version says what: below the root of control groups. */
const VERSIONS = {
  v1: {
    at: 'memory',
    limit: 'memory.limit_in_bytes',
    usage: 'memory.usage_in_bytes',
    cached: ['total_active_file', 'total_inactive_file'],
  },
  v2: {
    at: '',
    limit: 'memory.max',
    usage: 'memory.current',
    cached: ['active_file', 'inactive_file'],
  },
} as const;

/** statfs(2) of file systems that are nothing but memory: tmpfs and ramfs. */
const IN_MEMORY = [0x01021994, 0x858458f6];

/** Whether what is written to a directory takes memory. */
export function isInMemory(directory: string): boolean {
  return IN_MEMORY.includes(fs.statfsSync(directory).type);
}

/**
 * Bytes that are left until the first limit; Infinity where there is none, or none is to be seen.
 * @param root where control groups are mounted
 * @param membership text of /proc/self/cgroup
 */
export function memoryLeft(
  root = '/sys/fs/cgroup',
  membership = read('/proc/self/cgroup') ?? '',
): number {
  let left = Infinity;
  for (const line of membership.split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    if (controllers === '') left = Math.min(left, leftOf(VERSIONS.v2, root, path));
    else if (controllers!.split(',').includes('memory'))
      left = Math.min(left, leftOf(VERSIONS.v1, root, path));
  }
  return left;
}

/** The least that a group and those around it leave. */
function leftOf(version: (typeof VERSIONS)['v1' | 'v2'], root: string, path: string): number {
  let left = Infinity;
  for (let group = path; ; group = dirname(group)) {
    const of = (file: string) => read(join(root, version.at, group, file));
    const [limit, usage] = [Number(of(version.limit)), Number(of(version.usage))];
    // Version 1 writes its largest number for no limit, version 2 the word "max".
    if (limit > 0 && limit < Number.MAX_SAFE_INTEGER) {
      const stat = of('memory.stat') ?? '';
      // What files on disk take of the memory, the kernel can have back.
      const cached = version.cached.map(name => new RegExp(`^${name} (\\d+)`, 'm').exec(stat)?.[1]);
      const back = cached.reduce((sum, bytes) => sum + Number(bytes ?? 0), 0);
      left = Math.min(left, Math.max(0, limit - usage + back));
    }
    if (group === '/') return left;
  }
}

function read(file: string): string | undefined {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
