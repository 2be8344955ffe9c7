/**
 * How much memory a package will take, found by decompressing it to nowhere: for a look before the
 * run, where there is time for it. A run knows only a lower bound before it has unpacked.
 */
import { blamed, type PackageSource, type PackageSpec } from '../package.ts';
import { type Decompressor, decompressor } from './inflate.ts';

/** Bytes per step. */
const STEP = 1 << 20;

/**
 * Bytes of a package's tar stream: those of its files, and little more.
 * @throws PythonMpiError CORRUPT_PACKAGE, PACKAGE_UNREADABLE, NO_RUNTIME
 */
export async function measure(source: PackageSource): Promise<number> {
  const { size, format } = source.spec;
  const [input, output] = [Buffer.allocUnsafe(STEP), Buffer.allocUnsafe(STEP)];
  const pump = decompressor(format);
  let bytes = 0;
  try {
    for (let position = 0; position < size; position += STEP) {
      const piece = input.subarray(0, Math.min(STEP, size - position));
      await source.fill(piece, position);
      bytes += blaming(source.spec, () => inflate(pump, piece, output));
    }
    blaming(source.spec, () => pump.finish());
  } finally {
    pump.close();
  }
  return bytes;
}

/**
 * Decompresses all of `piece`, each time into the same memory. Returns how many bytes that gave.
 */
function inflate(pump: Decompressor, piece: Uint8Array, output: Uint8Array): number {
  let [consumed, produced, full] = [0, 0, false];
  while (consumed < piece.length || full) {
    const pumped = pump.pump(piece.subarray(consumed), output);
    consumed += pumped.consumed;
    produced += pumped.produced;
    full = pumped.produced === output.length;
  }
  return produced;
}

/** Does what a decompressor, which knows no package, can find something wrong with. */
function blaming<Result>(spec: PackageSpec, work: () => Result): Result {
  try {
    return work();
  } catch (thrown) {
    throw blamed(thrown, spec);
  }
}
