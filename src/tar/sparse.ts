/**
 * Sparse files: of which only the runs that hold something are stored, with a map of where they
 * belong. Reads the four forms in which GNU tar writes the map (bsdtar writes the last):
 *
 * - old GNU: in the header, 4 runs, and in blocks that follow it, 21 runs each
 * - pax 0.0 and 0.1: in the pax header
 * - pax 1.0: in blocks before the content, as decimal numbers, a line each
 *
 * Must not know of members. Layout: GNU tar manual, "Storing Sparse Files".
 */
import { BLOCK } from './block.ts';
import { corrupt, unsupported } from './fault.ts';
import { isZero, number } from './fields.ts';
import { decimal, type PaxRecords, SPARSE } from './pax.ts';

/** Runs that one map may have: as many as a file of a gigabyte in pieces of 4 KiB. */
const RUNS_LIMIT = 1 << 18;
/** Characters of a number that are read, its line break included. */
const LINE_LIMIT = 32;

/** A map, complete or to be completed by the blocks that follow. */
export interface SparseMap {
  /** Bytes of the file with its holes. */
  readonly size: number;
  /** Offset and length of each run, one after the other. */
  readonly runs: number[];
  /** Takes the next block, as long as `isComplete` is false. @throws PythonMpiError */
  add(block: Buffer): void;
  readonly isComplete: boolean;
  /** How many of the blocks that were added belong to the stored content by its size. */
  readonly contentBlocks: number;
}

/** The map of old GNU tar. @throws PythonMpiError CORRUPT_PACKAGE, UNSUPPORTED_PACKAGE */
export function gnuMap(header: Buffer): SparseMap {
  const runs: number[] = [];
  const take = (block: Buffer, start: number, slots: number): boolean => {
    for (let at = start; at < start + slots * 24; at += 24) {
      if (isZero(block.subarray(at, at + 24))) continue;
      addRun(runs, number(block, at, 12, 'sparse map'), number(block, at + 12, 12, 'sparse map'));
    }
    return block[start + slots * 24] !== 0;
  };
  let continues = take(header, 386, 4);
  return {
    size: number(header, 483, 12, 'size'),
    runs,
    contentBlocks: 0,
    add(block) {
      continues = take(block, 0, 21);
    },
    get isComplete() {
      return !continues;
    },
  };
}

/**
 * The map that pax records announce, or undefined where they announce none.
 * @throws PythonMpiError CORRUPT_PACKAGE, UNSUPPORTED_PACKAGE
 */
export function paxMap(record: (key: string) => string | undefined): SparseMap | undefined {
  const [major, map] = [record(`${SPARSE}major`), record(`${SPARSE}map`)];
  const said = record(`${SPARSE}realsize`) ?? record(`${SPARSE}size`);
  if (said === undefined) {
    if (major === undefined && map === undefined) return undefined;
    throw corrupt('a sparse file has no size');
  }
  const size = decimal(said);
  if (major === '1') return new BlockMap(size);
  if (major !== undefined && major !== '0') {
    throw unsupported(`a sparse file is in format ${major}`, 'repack without -S');
  }
  const numbers = map === undefined ? [] : map.split(',').map(decimal);
  if (numbers.length % 2 !== 0) throw corrupt('a sparse map is malformed');
  const runs: number[] = [];
  for (let i = 0; i < numbers.length; i += 2) addRun(runs, numbers[i]!, numbers[i + 1]!);
  return { size, runs, contentBlocks: 0, add() {}, isComplete: true };
}

/** Whether records that apply to all members speak of one that is sparse. */
export function speaksOfSparse(records: PaxRecords): boolean {
  return [...records.keys()].some(key => key.startsWith(SPARSE));
}

/** Pax 1.0: how many runs there are, and the numbers of each, padded to a whole block. */
class BlockMap implements SparseMap {
  readonly size: number;
  readonly runs: number[] = [];
  contentBlocks = 0;
  /** Numbers that are still to come; undefined until the first line has said it. */
  #left: number | undefined;
  #offset: number | undefined;
  /** The beginning of a line that goes on in the next block. */
  #line = '';

  constructor(size: number) {
    this.size = size;
  }

  get isComplete(): boolean {
    return this.#left === 0;
  }

  add(block: Buffer): void {
    this.contentBlocks += 1;
    for (let at = 0; at < BLOCK && !this.isComplete; ) {
      const end = block.indexOf(0x0a, at);
      this.#line += block.toString('latin1', at, end === -1 ? BLOCK : end);
      if (this.#line.length > LINE_LIMIT) throw corrupt('a sparse map is malformed');
      if (end === -1) return;
      this.#take(decimal(this.#line));
      this.#line = '';
      at = end + 1;
    }
  }

  #take(value: number): void {
    if (this.#left === undefined) {
      if (value > RUNS_LIMIT) throw tooMany();
      this.#left = 2 * value;
      return;
    }
    this.#left -= 1;
    if (this.#offset === undefined) this.#offset = value;
    else {
      addRun(this.runs, this.#offset, value);
      this.#offset = undefined;
    }
  }
}

/** Adds a run; those of no bytes, which say where a file ends, count but are not kept. */
function addRun(runs: number[], offset: number, length: number): void {
  const isNumber = Number.isSafeInteger(offset) && Number.isSafeInteger(length);
  const last = runs.length === 0 ? 0 : runs.at(-2)! + runs.at(-1)!;
  if (!isNumber || length < 0 || offset < last) throw corrupt('a sparse map is malformed');
  if (length > 0) runs.push(offset, length);
  if (runs.length > 2 * RUNS_LIMIT) throw tooMany();
}

function tooMany() {
  return unsupported(`a sparse file has more than ${RUNS_LIMIT} runs`, 'repack without -S');
}

/** What a sparse file is made of, in order. */
export interface SparseHandler {
  content(bytes: Uint8Array): void;
  /** So many bytes are zeros that are not stored. */
  hole?(bytes: number): void;
}

/** Takes the stored bytes of a sparse file apart. */
export class SparseContent {
  readonly #map: SparseMap;
  readonly #handler: SparseHandler;
  /** The run that is being read, by its index, and how far. */
  #run = 0;
  #at = 0;
  /** How much of the file has been made. */
  #made = 0;

  /**
   * @param stored bytes that will come
   * @throws PythonMpiError CORRUPT_PACKAGE when the map does not fit them
   */
  constructor(map: SparseMap, stored: number, handler: SparseHandler) {
    const { runs, size } = map;
    let bytes = 0;
    for (let i = 1; i < runs.length; i += 2) bytes += runs[i]!;
    const end = runs.length === 0 ? 0 : runs.at(-2)! + runs.at(-1)!;
    if (bytes !== stored || end > size) throw corrupt('a sparse map does not fit its file');
    this.#map = map;
    this.#handler = handler;
  }

  /** The next of the stored bytes. */
  push(bytes: Uint8Array): void {
    const { runs } = this.#map;
    for (let taken = 0; taken < bytes.length; ) {
      this.#skipTo(runs[this.#run]! + this.#at);
      const left = runs[this.#run + 1]! - this.#at;
      const piece = bytes.subarray(taken, taken + left);
      this.#handler.content(piece);
      taken += piece.length;
      this.#made += piece.length;
      this.#at += piece.length;
      if (piece.length === left) {
        this.#run += 2;
        this.#at = 0;
      }
    }
  }

  /** After the last of them. */
  end(): void {
    this.#skipTo(this.#map.size);
  }

  #skipTo(offset: number): void {
    if (offset > this.#made) this.#handler.hole?.(offset - this.#made);
    this.#made = offset;
  }
}
