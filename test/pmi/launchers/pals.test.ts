import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Deadline } from '../../../src/deadline.ts';
import { PythonMpiError } from '../../../src/errors.ts';
import { silent } from '../../../src/log.ts';
import { detect } from '../../../src/pmi/detect.ts';
import { parseApinfo } from '../../../src/pmi/launchers/apinfo.ts';

/** The file Slurm 22.05 wrote (version 1) for 9 ranks on 4 nodes, dealt in turn: 528 bytes. */
function apinfo(): Buffer {
  const file = Buffer.alloc(528);
  const word = (offset: number, value: number) => file.writeInt32LE(value, offset);
  const long = (offset: number, value: number) => file.writeBigUInt64LE(BigInt(value), offset);
  word(0, 1);
  long(8, 528);
  long(40, 12);
  long(48, 136);
  word(56, 1);
  long(64, 12);
  long(72, 148);
  word(80, 9);
  long(88, 68);
  long(96, 256);
  word(104, 4);
  long(112, 48);
  long(120, 528);
  for (const [rank, node] of [0, 1, 2, 3, 0, 0, 1, 0, 0].entries()) word(148 + 12 * rank + 8, node);
  for (let node = 0; node < 4; node++) {
    word(256 + 68 * node, -1);
    file.write(`n${node}`, 256 + 68 * node + 4);
  }
  return file;
}

/** The same places in version 5, whose header and records are longer. */
function apinfo5(): Buffer {
  const [header, pe, node] = [160, 16, 72];
  const file = Buffer.alloc(header + 2 * pe + 2 * node);
  file.writeInt32LE(5, 0);
  file.writeBigUInt64LE(BigInt(file.length), 8);
  file.writeBigUInt64LE(BigInt(pe), 64);
  file.writeBigUInt64LE(BigInt(header), 72);
  file.writeInt32LE(2, 80);
  file.writeBigUInt64LE(BigInt(node), 88);
  file.writeBigUInt64LE(BigInt(header + 2 * pe), 96);
  file.writeInt32LE(2, 104);
  file.writeInt32LE(1, header + 8);
  file.write('nid000007', header + 2 * pe + 4);
  file.write('x'.repeat(64), header + 2 * pe + node + 4);
  return file;
}

const damaged = (file: Buffer) =>
  assert.throws(
    () => parseApinfo(file),
    (error: unknown) => error instanceof PythonMpiError && error.code === 'LAUNCHER',
  );

const pals = suite('pals');

pals('the apinfo file says where every rank is', () => {
  assert.equal(parseApinfo(apinfo()), {
    nodes: [0, 1, 2, 3, 0, 0, 1, 0, 0],
    hosts: ['n0', 'n1', 'n2', 'n3'],
  });
});

pals('records are as far apart as the header says', () => {
  assert.equal(parseApinfo(apinfo5()), { nodes: [1, 0], hosts: ['nid000007', 'x'.repeat(64)] });
});

pals('a file cut short anywhere is recognised', () => {
  for (let end = 0; end < 528; end++) damaged(apinfo().subarray(0, end));
});

pals('a header that points elsewhere is recognised', () => {
  const change = (offset: number, value: number) => {
    const file = apinfo();
    file.writeUInt32LE(value, offset);
    damaged(file);
  };
  // Sizes, offsets and counts of ranks and nodes; then the node of a rank.
  for (const offset of [8, 64, 72, 80, 88, 96, 104]) change(offset, 0xffff_ffff);
  for (const offset of [64, 72, 88, 96]) change(offset, 0);
  change(148 + 8, 4);
  change(148 + 8, 0xffff_ffff);
});

pals('rank, size, hosts and the name of the job', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'python-mpi-test-'));
  try {
    const PALS_APINFO = join(directory, 'apinfo');
    writeFileSync(PALS_APINFO, apinfo5());
    const env = { PALS_RANKID: '1', PALS_APINFO, PALS_APID: '89.0', PMI_RANK: '1', PMI_SIZE: '2' };
    const launcher = detect(env, silent);
    assert.is(launcher.name, 'pals');
    const { placement, hosts, jobId } = await launcher.open(Deadline.after(60_000));
    assert.equal(placement, { rank: 1, size: 2, nodes: [0, 1] });
    assert.equal(hosts, ['x'.repeat(64), 'nid000007']);
    assert.is(jobId, '89.0');
    for (const change of [
      { PALS_RANKID: '2' },
      { PALS_RANKID: 'x' },
      { PALS_APINFO: '/nowhere' },
    ]) {
      const error = await detect({ ...env, ...change }, silent)
        .open(Deadline.after(60_000))
        .catch(thrown => thrown);
      assert.is(error.code, 'LAUNCHER', error.message);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});

pals.run();
