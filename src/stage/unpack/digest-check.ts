/**
 * Whether what arrives is what was announced: the SHA-256 of each package of a stream. Knows bytes, not what is in them.
 */
import { createHash, type Hash } from 'node:crypto';
import { PythonMpiError } from '../../errors.ts';
import type { PackageSpec } from '../package.ts';
import { blame } from './thread.ts';

export class DigestCheck {
  readonly #packages: readonly PackageSpec[];
  #index = 0;
  #hash: Hash = createHash('sha256');
  #left: number;

  /** @param packages in the order in which their bytes come */
  constructor(packages: readonly PackageSpec[]) {
    this.#packages = packages;
    this.#left = packages[0]?.size ?? 0;
  }

  /** Bytes of the current package that have not come. */
  get left(): number {
    return this.#left;
  }

  /** Whether all packages have come. */
  get done(): boolean {
    return this.#index === this.#packages.length;
  }

  /** Takes the next bytes, {@link left} of them at most. */
  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    this.#left -= bytes.length;
  }

  /** Ends the current package. @throws PythonMpiError CORRUPT_PACKAGE when it is not whole or another one */
  next(): void {
    const spec = this.#packages[this.#index]!;
    const { size, sha256 } = spec;
    if (this.#left > 0) throw corrupt(spec, `${this.#left} of ${size} bytes did not arrive`);
    const found = this.#hash.digest('hex');
    if (found !== sha256) throw corrupt(spec, `SHA-256 is ${found} where ${sha256} was announced`);
    this.#index++;
    this.#hash = createHash('sha256');
    this.#left = this.#packages[this.#index]?.size ?? 0;
  }
}

function corrupt(spec: PackageSpec, what: string): PythonMpiError {
  return new PythonMpiError('CORRUPT_PACKAGE', blame('CORRUPT_PACKAGE', what, spec));
}
