/**
 * Names of files as text. Names are bytes, and no encoding is promised; here they meet patterns,
 * messages and JSON, which are text. So a byte that is not UTF-8 is carried as a lone surrogate,
 * U+DC80 to U+DCFF, as Python's `os.fsdecode` does (PEP 383): exact, and there and back.
 */

/** A byte that is not UTF-8; half of a pair is none. */
const ESCAPED = /[\udc80-\udcff]/u;
const BASE = 0xdc00;
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Whether a name holds bytes that are not UTF-8. */
export function isEscaped(name: string): boolean {
  return ESCAPED.test(name);
}

/** A name of this machine as text. */
export function nameOf(bytes: Buffer): string {
  const text = bytes.toString();
  if (!text.includes('\ufffd')) return text;
  let name = '';
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes, at);
    name +=
      length === 0
        ? String.fromCharCode(BASE + bytes[at]!)
        : bytes.toString('utf8', at, at + length);
    at += Math.max(1, length);
  }
  return name;
}

/** The bytes of a name. */
export function bytesOf(name: string): Buffer {
  if (!isEscaped(name)) return Buffer.from(name);
  const parts = name.split(/([\udc80-\udcff])/u);
  return Buffer.concat(
    parts.map(part =>
      isEscaped(part) ? Buffer.from([part.charCodeAt(0) - BASE]) : Buffer.from(part),
    ),
  );
}

/** A path as the argument of a system call. */
export function onDisk(path: string): string | Buffer {
  return isEscaped(path) ? bytesOf(path) : path;
}

/** Bytes of the character that is encoded at `at`; 0 when none is. */
function sequenceLength(bytes: Buffer, at: number): number {
  const first = bytes[at]!;
  const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  try {
    decoder.decode(bytes.subarray(at, at + length));
    return length;
  } catch {
    return 0;
  }
}
