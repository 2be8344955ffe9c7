/**
 * What every node must know of a package before its first byte arrives. Travels from the root to all
 * nodes inside what is authenticated, so `sha256` may be believed.
 */

export type PackageFormat = 'tar' | 'tar.gz' | 'tar.zst';

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

/** A package at the root. */
export interface PackageSource {
  readonly spec: PackageSpec;
  /** Fills `buffer` with the package's bytes from `position` on, all of which there are. @throws PythonMpiError */
  fill(buffer: Uint8Array, position: number): Promise<void>;
  close(): Promise<void>;
}
