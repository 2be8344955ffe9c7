/**
 * PALS' apinfo file: which rank runs on which host. Pure.
 *
 * C structs written as they lie in memory, little endian, 64 bits. The header's first 17 fields are
 * the same in versions 1 to 5, and it says where each array is and how far apart its records are.
 * Described by Slurm's src/plugins/mpi/cray_shasta/apinfo.h and flux-coral2's libapinfo.
 */
import { PythonMpiError } from '../../errors.ts';

/** Where the ranks are: nodes[r] is an index into hosts. */
export interface Apinfo {
  readonly nodes: readonly number[];
  readonly hosts: readonly string[];
}

const HEADER_SIZE = 136;
const HOST_NAME = { offset: 4, size: 64 };
const NODE_INDEX = { offset: 8, size: 4 };

/**
 * Reads the file's bytes.
 * @throws PythonMpiError LAUNCHER when they contradict themselves
 */
export function parseApinfo(bytes: Uint8Array): Apinfo {
  if (bytes.length < HEADER_SIZE) throw damaged(`has ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const u64 = (offset: number) => Number(view.getBigUint64(offset, true));
  const u32 = (offset: number) => view.getUint32(offset, true);
  if (u64(8) !== bytes.length) throw damaged(`has ${bytes.length} bytes and says ${u64(8)}`);

  /** Offset of a field in each record of an array. */
  const fields = (
    what: string,
    size: number,
    start: number,
    count: number,
    field: typeof HOST_NAME,
  ) => {
    const fits =
      size >= field.offset + field.size &&
      start >= HEADER_SIZE &&
      start + size * count <= bytes.length;
    if (!fits) throw damaged(`has no room for ${count} ${what}`);
    return Array.from({ length: count }, (_, i) => start + size * i + field.offset);
  };
  const hosts = fields('nodes', u64(88), u64(96), u32(104), HOST_NAME).map(offset => {
    const name = bytes.subarray(offset, offset + HOST_NAME.size);
    return new TextDecoder().decode(name).split('\0', 1)[0]!;
  });
  const nodes = fields('ranks', u64(64), u64(72), u32(80), NODE_INDEX).map(u32);
  if (nodes.some(node => node >= hosts.length)) throw damaged('places a rank on no node');
  return { nodes, hosts };
}

function damaged(how: string): PythonMpiError {
  return new PythonMpiError('LAUNCHER', `the apinfo file of PALS ${how}`, {
    hint: 'start python-mpi through the launcher itself, with the environment it sets',
  });
}
