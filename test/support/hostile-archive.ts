/**
 * What hostile archives are made of, and how they are unpacked beside something that they could
 * harm.
 */
import fs from 'node:fs';
import path from 'node:path';
import * as assert from 'uvu/assert';
import { Extractor } from '../../src/stage/unpack/extract.ts';
import { TarReader } from '../../src/tar/read.ts';
import { listing, scratch } from './scratch.ts';
import { checksummed, member, type TestMember } from './tar-builder.ts';

export type Blocks = (TestMember | Buffer)[];

/** Unpacks beside something that could be harmed. Returns the tree. */
export function extract(bytes: Buffer): string {
  const around = scratch();
  const tree = path.join(around, 'tree');
  fs.mkdirSync(tree, 0o700);
  fs.writeFileSync(path.join(around, 'outside'), 'untouched');
  const before = listing(around).filter(line => !/"tree"/.test(line));
  const extractor = new Extractor(tree, process.umask());
  try {
    const reader = new TarReader(extractor);
    reader.push(bytes);
    reader.end();
    extractor.finish();
  } finally {
    extractor.close();
    assert.equal(
      listing(around).filter(line => !/"tree["/]/.test(line)),
      before,
    );
    assert.not(fs.existsSync('/hostile-harm'));
  }
  return tree;
}

export const raw = (fields: TestMember, change: (header: Buffer) => void): Buffer => {
  const block = member(fields);
  change(block);
  checksummed(block);
  return block;
};
export const base256 = (at: number, hex: string) => (header: Buffer) =>
  void Buffer.from(hex, 'hex').copy(header, at);
export const deep = (depth: number) => Array.from({ length: depth }, () => 'd').join('/');
export const file = (name: string | Buffer, content = 'x'): TestMember => ({ name, content });
export const symlink = (name: string, target: string): TestMember => ({ name, type: '2', target });
export const link = (name: string, target: string): TestMember => ({ name, type: '1', target });
export const directory = (name: string, mode = 0o755): TestMember => ({ name, type: '5', mode });
