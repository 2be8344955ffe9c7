/**
 * Every way in which python-mpi itself can fail, once.
 *
 * A code is stable: it is what scripts match on, what travels up the tree when a node fails, and
 * what decides the exit status. Statuses follow sysexits(3) where it has a word for the case.
 * This file knows nothing of where errors come from or how they are shown.
 */

/** Error code -> exit status. Statuses are distinct, so they double as the number on the wire. */
export const STATUS = {
  USAGE: 64,
  CORRUPT_PACKAGE: 65,
  NO_PACKAGE: 66,
  UNSAFE_PACKAGE: 67,
  UNREACHABLE: 68,
  PEER_LOST: 69,
  INTERNAL: 70,
  SYSTEM: 71,
  NO_SPACE: 72,
  CHROOT_UNUSABLE: 73,
  PACKAGE_UNREADABLE: 74,
  TIMEOUT: 75,
  PROTOCOL: 76,
  AUTHENTICATION: 77,
  LAUNCHER: 78,
  NO_RUNTIME: 79,
  NO_SECRET: 80,
  CANCELLED: 81,
  UNSUPPORTED_PACKAGE: 82,
  NO_INTERPRETER: 127,
} as const;

export type ErrorCode = keyof typeof STATUS;

/**
 * Which ranks see an error with the one that throws it: none, all of its node, the first rank of
 * the job at least, or any but that. Which rank tells the user follows from it.
 */
export type SeenBy = 'this rank' | 'this node' | 'the first rank' | 'all but the first rank';

export interface ErrorDetails {
  /** Host on which it happened; filled in by the launch when the thrower does not know it. */
  host?: string | undefined;
  /** What the user can try, as one imperative clause. */
  hint?: string | undefined;
  /** 'this rank' if not given; what the user got wrong, all ranks see. */
  seenBy?: SeenBy | undefined;
  cause?: unknown;
}

/**
 * The one error type that crosses module boundaries. `message` is one clause, without host or hint.
 */
export class PythonMpiError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  host: string | undefined;
  seenBy: SeenBy;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'PythonMpiError';
    this.code = code;
    this.host = details.host;
    this.hint = details.hint;
    this.seenBy = details.seenBy ?? (code === 'USAGE' ? 'the first rank' : 'this rank');
  }

  /** Exit status of a job that ends with this error. */
  get status(): number {
    return STATUS[this.code];
  }

  /** The line a user sees, without the leading program name. Never contains a control character. */
  toLine(): string {
    const where = this.host === undefined ? '' : ` on ${this.host}`;
    const hint = this.hint === undefined ? '' : `; ${this.hint}`;
    return `${this.message}${where}${hint} [${this.code}]`.replace(/[\x00-\x1f\x7f-\x9f]+/g, ' ');
  }
}

/** The code whose exit status is `status`; INTERNAL for a number that is none of ours. */
export function codeOfStatus(status: number): ErrorCode {
  for (const [code, value] of Object.entries(STATUS)) {
    if (value === status) return code as ErrorCode;
  }
  return 'INTERNAL';
}

/**
 * Anything that was thrown, as one of ours. Foreign errors are INTERNAL unless `code` says better.
 */
export function asPythonMpiError(thrown: unknown, code: ErrorCode = 'INTERNAL'): PythonMpiError {
  if (thrown instanceof PythonMpiError) return thrown;
  // Foreign messages can be long, and quote what must not be shown: the first words will do.
  const message = (thrown instanceof Error ? thrown.message : String(thrown)).slice(0, 120);
  return new PythonMpiError(code, message, { cause: thrown });
}

/**
 * What this rank was started for has come to nothing, and the user is told why: by this rank or by
 * another, see launch/rendezvous/who-tells.ts.
 */
export class JobFailed extends Error {
  readonly error: PythonMpiError;

  constructor(error: PythonMpiError) {
    super(error.message, { cause: error });
    this.name = 'JobFailed';
    this.error = error;
  }
}
