/**
 * PMIx's typed values, by the numbers of their types on the wire. Pure.
 *
 * Types 1 to 69 are all that encodings "v4" and "v41" know, and the packers of PMIx 4.1 to 6.1
 * write each of them in the same way; types that version 6 added are for its own clients. Nothing
 * says how long a value is, so a type that is not known ends the reading. Described by openpmix
 * src/mca/bfrops/base/bfrop_base_pack.c and src/mca/preg.
 */
import type { Pair, Unpacker, Value } from './pack.ts';

/** Data types that are also written. */
export const TYPE = { BOOL: 1, STRING: 3 } as const;

/** Values nested deeper than any launcher nests them are garbage. */
const MAX_DEPTH = 16;
/** The types that are read otherwise than by a reader of their own. */
const UNDEFINED = 0;
const PID = 5;
/** The types a process number is described as: unsigned ones of every width. */
const UNSIGNED: ReadonlySet<number> = new Set([11, 12, 13, 14, 15]);

/** Takes one value of a type. */
type Reader = (from: Unpacker, depth: number) => Value;

/** A key with its value, as in puts and job data. Throws as the Unpacker does. */
export function readPair(from: Unpacker, depth = 0): Pair {
  return { key: from.string(), value: readTyped(from, depth) };
}

/** A value behind the number of its type; one without type has no bytes. */
function readTyped(from: Unpacker, depth: number): Value {
  const type = from.unsigned();
  return type === UNDEFINED ? '' : readMany(from, type, 1, depth)[0]!;
}

/** `count` values of a type. Process numbers are described once for all of them. */
function readMany(from: Unpacker, type: number, count: number, depth: number): Value[] {
  if (count === 0) return [];
  if (depth > MAX_DEPTH)
    throw from.malformed(`nests values deeper than the ${MAX_DEPTH} levels that were expected`);
  const reader = type === PID ? readerOfPids(from) : READERS.get(type);
  if (reader === undefined)
    throw from.malformed(`holds a value of type ${type} where one of 1 to 69 was expected`);
  const values: Value[] = [];
  while (values.length < count) values.push(reader(from, depth));
  return values;
}

/** How the numbers of processes are packed: as integers of a type that comes before them. */
function readerOfPids(from: Unpacker): Reader {
  const type = from.unsigned();
  if (!UNSIGNED.has(type))
    throw from.malformed(
      `holds a process number of type ${type} where one of 11 to 15 was expected`,
    );
  return READERS.get(type)!;
}

const readByte: Reader = from => from.byte();
const readUnsigned: Reader = from => from.unsigned();
const readSigned: Reader = from => from.signed();
const readString: Reader = from => from.string();
const readBlob: Reader = from => from.blob();

/** Fields, one after another without anything between. */
const fields =
  (...readers: readonly Reader[]): Reader =>
  (from, depth) =>
    readers.map(read => read(from, depth));

/** Elements of a type, behind their number. */
const counted =
  (type: number, count: (from: Unpacker) => number): Reader =>
  (from, depth) =>
    readMany(from, type, count(from), depth + 1);

const times = (count: number, reader: Reader): Reader[] => Array<Reader>(count).fill(reader);
const size = (from: Unpacker): number => from.unsigned();
const int32 = (from: Unpacker): number => from.signed();

const readTypedValue: Reader = (from, depth) => readTyped(from, depth + 1);
const readProc: Reader = from => {
  const { namespace, rank } = from.proc();
  return [namespace, rank];
};
const readPid: Reader = (from, depth) => readerOfPids(from)(from, depth);
const readTimeValue = fields(readSigned, readSigned);

const readInfo: Reader = (from, depth) => {
  const key = from.string();
  from.unsigned(); // directives
  return { key, value: readTyped(from, depth + 1) };
};

// Of an array that is not there, PMIx 6.1 writes less than those before: its type, 0, is refused.
const readArray: Reader = (from, depth) => {
  const type = from.unsigned();
  const count = type === UNDEFINED ? 1 : from.unsigned();
  return readMany(from, type, count, depth + 1);
};

/** A list of nodes or ranks: text, or what zlib made of it behind two words and its length. */
const readRegex: Reader = from => {
  const text = from.terminated();
  if (!text.startsWith('blob:')) return text;
  from.terminated(); // component
  const [, length] = /^size=(\d{1,9}):$/.exec(from.terminated()) ?? [];
  if (length === undefined) throw from.malformed('holds a list whose size was expected');
  return from.take(Number(length));
};

/**
 * hwloc's description of a machine. Its second half has as many bytes as the server's hwloc likes.
 */
const readTopology: Reader = from => {
  const text = from.string();
  if (text !== '') throw from.malformed('holds a topology where data of the job was expected');
  return text;
};

const READERS: ReadonlyMap<number, Reader> = new Map<number, Reader>([
  [TYPE.BOOL, readByte],
  [2, readByte],
  [TYPE.STRING, readString],
  [4, readUnsigned], // size
  [6, readSigned], // int
  [7, readByte], // int8
  [8, readSigned], // int16
  [9, readSigned], // int32
  [10, readSigned], // int64
  // PMIx writes an unsigned int as it writes an int.
  [11, readSigned],
  [12, readByte], // uint8
  [13, readUnsigned], // uint16
  [14, readUnsigned], // uint32
  [15, readUnsigned], // uint64
  [16, readString], // float, as text
  [17, readString], // double, as text
  [18, readTimeValue],
  [19, readUnsigned], // time
  [20, readSigned], // status
  [21, readTypedValue],
  [22, readProc],
  [
    23, // application: command, arguments, environment, directory, ranks, infos
    fields(
      readString,
      counted(3, int32),
      counted(3, int32),
      readString,
      readSigned,
      counted(24, size),
    ),
  ],
  [24, readInfo],
  [25, fields(readProc, (from, depth) => readPair(from, depth + 1))], // published data
  [26, fields(readByte, readBlob)], // buffer
  [27, readBlob], // byte object
  [28, (from, depth) => readPair(from, depth + 1)], // kval
  [30, readByte], // persistence
  [31, readByte], // pointer
  [32, readByte], // scope
  [33, readByte], // range
  [34, readByte], // command
  [35, readUnsigned], // info directives
  [36, readUnsigned], // data type
  [37, readByte], // process state
  [38, fields(readProc, readString, readString, readPid, readByte)], // process info
  [39, readArray],
  [40, readUnsigned], // rank
  [41, fields(counted(3, int32), counted(24, size))], // query
  [42, readBlob], // compressed string
  [43, readByte], // allocation directive
  [45, readUnsigned], // channel of forwarded output
  [46, fields(readString, readString, readByte)], // variable of an environment
  [47, fields(readByte, counted(14, size))], // coordinates
  [48, fields(readString, readString, readUnsigned, counted(3, int32))], // attribute
  [49, readRegex],
  [50, readByte], // job state
  [51, readByte], // link state
  [52, readString], // set of cores
  [53, fields(readUnsigned, readString, readString, counted(47, size))], // geometry
  [54, fields(readString, readString, ...times(3, readUnsigned))], // device distance
  [55, fields(readString, readString, readBlob)], // endpoint
  [56, readTopology],
  [57, readUnsigned], // device type
  [58, readUnsigned], // locality
  [59, readBlob], // compressed bytes
  [60, readString], // namespace
  [
    61, // statistics of a process
    fields(
      ...[
        readString,
        readProc,
        readPid,
        readString,
        readByte,
        readTimeValue,
        readSigned,
        readSigned,
      ],
      ...times(3, readString),
      ...[readSigned, readTimeValue],
    ),
  ],
  [62, fields(readString, ...times(11, readUnsigned))], // of a disk
  [63, fields(readString, ...times(6, readUnsigned))], // of a network interface
  [
    64, // of a node
    fields(
      readString,
      ...times(11, readString),
      readTimeValue,
      counted(62, size),
      counted(63, size),
    ),
  ],
  [65, readBlob], // data buffer
  [66, readUnsigned], // storage medium
  [67, readUnsigned], // storage access
  [68, readUnsigned], // storage persistence
  [69, readUnsigned], // storage access type
]);
