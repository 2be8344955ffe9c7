/**
 * Where the build puts the programs of worker threads. The path holds for this directory and for
 * dist/bin/, where this code runs once bundled: both are two levels below the root.
 */

/** @param name of the entry file, without its suffix */
export function workerProgram(name: string): URL {
  return new URL(`../../dist/lib/${name}.cjs`, import.meta.url);
}
