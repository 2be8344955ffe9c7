/**
 * Whether what arrives is what was announced: the SHA-256 of each package of a stream. Knows bytes,
 * not what is in them.
 */
import { createHash, type Hash } from 'node:crypto';
import { PythonMpiError } from '../../errors.ts';
import { blamed, type PackageSpec } from '../package.ts';

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

  /**
   * Ends the current package, of which nothing is left.
   * @throws PythonMpiError CORRUPT_PACKAGE for another content
   */
  next(): void {
    const spec = this.#packages[this.#index]!;
    const found = this.#hash.digest('hex');
    if (found !== spec.sha256) {
      const message = `SHA-256 is ${found} where ${spec.sha256} was announced`;
      throw blamed(new PythonMpiError('CORRUPT_PACKAGE', message), spec);
    }
    this.#index++;
    this.#hash = createHash('sha256');
    this.#left = this.#packages[this.#index]?.size ?? 0;
  }
}
