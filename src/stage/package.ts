/**
 * What every node must know of a package before its first byte arrives. Travels from the root to
 * all nodes inside what is authenticated, so `sha256` may be believed.
 */
import { asPythonMpiError, type ErrorCode, PythonMpiError } from '../errors.ts';

const FORMATS = ['tar', 'tar.gz', 'tar.zst'] as const;
export type PackageFormat = (typeof FORMATS)[number];

export interface PackageSpec {
  /** As the user named it; only ever shown. */
  name: string;
  /** Bytes of the file, which are the bytes that will arrive. */
  size: number;
  /** SHA-256 of these bytes, 64 lower-case hexadecimal digits. */
  sha256: string;
  format: PackageFormat;
  /** Estimated bytes once unpacked: a lower bound, for the space check. */
  unpacked: number;
}

/** Whether something that has arrived is a description of a package. */
export function isPackageSpec(said: unknown): said is PackageSpec {
  const spec = (said ?? {}) as Partial<Record<keyof PackageSpec, unknown>>;
  const isBytes = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
  return (
    typeof spec.name === 'string' &&
    isBytes(spec.size) &&
    isBytes(spec.unpacked) &&
    /^[0-9a-f]{64}$/.test(String(spec.sha256)) &&
    FORMATS.some(format => format === spec.format)
  );
}

/** The sum of a field over packages, in bytes. */
export function totalOf(packages: readonly PackageSpec[], field: 'size' | 'unpacked'): number {
  return packages.reduce((total, spec) => total + spec[field], 0);
}

/** How a package is to blame, by code. */
const BLAME: Partial<Record<ErrorCode, string>> = {
  CORRUPT_PACKAGE: 'is corrupt',
  UNSAFE_PACKAGE: 'is unsafe',
  UNSUPPORTED_PACKAGE: 'cannot be unpacked',
};

/** An error in the course of working on a package, which names the package if it is to blame. */
export function blamed(thrown: unknown, spec: PackageSpec | undefined): PythonMpiError {
  const error = asPythonMpiError(thrown);
  const { code, message, hint } = error;
  const blame = BLAME[code];
  if (blame === undefined || spec === undefined) return error;
  const { name, sha256 } = spec;
  // Of several files of that name, it is this one.
  const which = message.includes(sha256) ? '' : ` (SHA-256 ${sha256})`;
  return new PythonMpiError(code, `package ${name} ${blame}: ${message}${which}`, {
    hint,
    cause: error,
  });
}

/** A package at the root. */
export interface PackageSource {
  readonly spec: PackageSpec;
  /**
   * Fills `buffer` with the package's bytes from `position` on, all of which there are.
   * @throws PythonMpiError
   */
  fill(buffer: Uint8Array, position: number): Promise<void>;
  close(): Promise<void>;
}
