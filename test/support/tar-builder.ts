/**
 * Builds tar archives byte by byte, including those that no honest tool would write.
 */

export interface TestMember {
  name: string | Buffer;
  /**
   * The type byte: '0' file, '1' link, '2' symlink, '3' and '4' devices, '5' directory, '6' fifo...
   */
  type?: string;
  target?: string | Buffer;
  content?: string | Buffer;
  /** What the header says where it is not the content's length. */
  size?: number;
  mode?: number;
  mtime?: number;
  /** Written into the mtime field as it is. */
  rawMtime?: Buffer;
  /** ustar's prefix field. */
  prefix?: string;
  /** Six bytes at 257. */
  magic?: string;
}

const BLOCK = 512;
const END = Buffer.alloc(2 * BLOCK);

function octal(value: number, length: number): string {
  return `${value.toString(8).padStart(length - 1, '0')}\0`;
}

function pad(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK)]);
}

/** One member: header and padded content. */
export function member(fields: TestMember): Buffer {
  const content = Buffer.from(fields.content ?? '');
  const header = Buffer.alloc(BLOCK);
  Buffer.from(fields.name).copy(header, 0, 0, 100);
  header.write(octal(fields.mode ?? 0o644, 8), 100, 'latin1');
  header.write(octal(0, 8), 108, 'latin1');
  header.write(octal(0, 8), 116, 'latin1');
  header.write(octal(fields.size ?? content.length, 12), 124, 'latin1');
  header.write(octal(fields.mtime ?? 1_000_000_000, 12), 136, 'latin1');
  fields.rawMtime?.copy(header, 136);
  header.write(fields.type ?? '0', 156, 'latin1');
  Buffer.from(fields.target ?? '').copy(header, 157, 0, 100);
  header.write(fields.magic ?? 'ustar\0', 257, 'latin1');
  header.write('00', 263, 'latin1');
  header.write(fields.prefix ?? '', 345, 155, 'latin1');
  return Buffer.concat([checksummed(header), pad(content)]);
}

/** Puts the right checksum into a header. */
export function checksummed(header: Buffer): Buffer {
  header.fill(0x20, 148, 156);
  const sum = header.subarray(0, BLOCK).reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

/** A pax header (x for the next member, g for all) with these records. */
export function pax(records: Record<string, string | Buffer>, type: 'x' | 'g' = 'x'): Buffer {
  const lines = Object.entries(records).map(([key, value]) => {
    const rest = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from('\n')]);
    let length = rest.length + 1;
    while (String(length).length + rest.length > length) length += 1;
    return Buffer.concat([Buffer.from(String(length)), rest]);
  });
  return member({ name: 'pax', type, content: Buffer.concat(lines) });
}

/** GNU's header for a long name (L) or a long link target (K). */
export function gnuLong(type: 'L' | 'K', name: string): Buffer {
  return member({ name: '././@LongLink', type, content: `${name}\0`, magic: 'ustar ' });
}

/** A whole archive of these members, given as fields or ready-made blocks. */
export function archive(...members: (TestMember | Buffer)[]): Buffer {
  return Buffer.concat([
    ...members.map(each => (Buffer.isBuffer(each) ? each : member(each))),
    END,
  ]);
}
