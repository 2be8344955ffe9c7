/**
 * What python-mpi-bundle says: a progress bar while it works, a summary when it is done, a
 * package's manifest on request.
 */
import type { Made } from '../bundle/make.ts';
import { largest, type Manifest } from '../bundle/manifest.ts';
import { StatusLine } from './status-line.ts';

const BAR_CELLS = 24;
const REDRAW_MS = 80;
const LARGEST = 5;

/** A bar on one line of a terminal, redrawn at most a dozen times a second. */
export class ProgressBar {
  readonly #line: StatusLine;

  constructor(line = new StatusLine(REDRAW_MS)) {
    this.#line = line;
  }

  show(phase: string, done: number, total: number): void {
    const cells = Math.floor((done / Math.max(1, total)) * BAR_CELLS);
    const counts = total > 1 ? ` ${done}/${total}` : '';
    const bar = `${'#'.repeat(cells)}${'.'.repeat(BAR_CELLS - cells)}`;
    this.#line.show(`${phase} [${bar}]${counts}`, done >= total);
  }

  /** Leaves the line empty for what is printed next. */
  clear(): void {
    this.#line.clear();
  }
}

/** @param seconds how long making it took */
export function summary(
  { file, manifest, packedBytes, sha256, savings }: Made,
  seconds: number,
): string {
  const { files, bytes, entries, bytecode, python } = manifest;
  const ratio = (bytes / Math.max(1, packedBytes)).toFixed(1);
  const lines = [
    `${file}: ${files} files, ${megabytes(bytes)} in ${megabytes(packedBytes)} (${ratio}:1), ${seconds.toFixed(1)} s`,
    `  largest: ${largest(entries, LARGEST)
      .map(({ name, bytes }) => `${name} ${megabytes(bytes)}`)
      .join(', ')}`,
    `  ${python === undefined ? 'no Python' : `Python ${python.version}`}, byte code: ${bytecode}`,
  ];
  if (savings !== undefined) {
    lines.push(
      `  left out by --trace: ${savings.files} modules, ${megabytes(savings.bytes)} of ${megabytes(savings.of)}`,
    );
  }
  const leftOut = Object.entries(manifest.leftOut).map(
    ([pattern, paths]) => `${pattern} (${paths})`,
  );
  if (leftOut.length > 0) lines.push(`  left out: ${leftOut.join(', ')}`);
  lines.push(`  sha256: ${sha256}`);
  return `${lines.join('\n')}\n`;
}

/** A manifest for people: what is known of the package, then one line for each entry. */
export function listing(manifest: Manifest): string {
  const {
    name,
    python,
    platform,
    libc,
    bytecode,
    sources,
    files,
    bytes,
    digest,
    leftOut,
    warnings,
    mtime,
  } = manifest;
  const facts = [
    ['package', name],
    ['sources', sources.join(' ')],
    ['python', python === undefined ? 'none' : `${python.version} (${python.tag})`],
    ['platform', `${platform} ${libc}`.trim()],
    ['byte code', bytecode],
    ['times', new Date(mtime * 1000).toISOString()],
    ['content', `${files} files, ${megabytes(bytes)}`],
    ['digest', digest],
    ...Object.entries(leftOut).map(([pattern, paths]) => ['left out', `${pattern} (${paths})`]),
    ...warnings.map(warning => ['warning', warning]),
    ...Object.entries(manifest.notRelocated).flatMap(([kind, paths]) =>
      paths.map(path => ['unmoved', `${path} (${kind})`]),
    ),
  ];
  const lines = manifest.entries.map(entry =>
    'target' in entry
      ? `${'link'.padStart(12)}  ${entry.path} -> ${entry.target}`
      : `${String(entry.size).padStart(12)}  ${entry.path}`,
  );
  return `${facts.map(([key, value]) => `${`${key}:`.padEnd(11)}${value}`).join('\n')}\n\n${lines.join('\n')}\n`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
