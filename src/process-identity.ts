/**
 * How a process is known, so that it is recognised even if its pid is used again.
 */

export interface ProcessIdentity {
  pid: number;
  /** Start time in clock ticks since boot, as the kernel gives it. */
  started: string;
}

/** Whether something that was said or written down is the identity of a process. */
export function isProcessIdentity(said: unknown): said is ProcessIdentity {
  const { pid, started } = (said ?? {}) as Partial<Record<string, unknown>>;
  return Number.isSafeInteger(pid) && (pid as number) > 0 && typeof started === 'string';
}
