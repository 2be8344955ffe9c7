/**
 * Every type of value that PMIx 4.1 to 6.1 pack in the encodings spoken here, as their packers
 * write it.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PythonMpiError } from '../../../src/errors.ts';
import { Packer, type Pair, Unpacker, type Value } from '../../../src/pmi/pmix/pack.ts';
import { readPair } from '../../../src/pmi/pmix/values.ts';

const values = suite('pmix values');

/** A key, a type and what follows, in hex and "text"s with their length and NUL. */
function packed(type: number, text: string): Uint8Array {
  const hex = text.replace(/"([^"]*)"/g, (_, word: string) =>
    Buffer.from(new Packer().string(word).bytes).toString('hex'),
  );
  const value = new Uint8Array(Buffer.from(hex.replace(/\s/g, ''), 'hex'));
  return new Packer().string('k').unsigned(type).raw(value).bytes;
}

const read = (bytes: Uint8Array): Pair => readPair(new Unpacker(bytes, 'the answer to GET'));

const proc = '"ns" 07';
const EVERY: readonly [type: number, name: string, bytes: string, value: Value][] = [
  [0, 'nothing', '', ''],
  [1, 'bool', '01', 1],
  [2, 'byte', 'fe', 254],
  [3, 'string', '"word"', 'word'],
  [4, 'size', '8001', 128],
  // A data type, UINT32, and then the number: 05 0e b8c101 was seen of PMIx 5.
  [5, 'pid', '0e b8c101', 24760],
  [6, 'int', '03', -2],
  [7, 'int8', '05', 5],
  [8, 'int16', '04', 2],
  [9, 'int32', '5b', -46],
  [10, 'int64', '8080808020', 2 ** 32],
  [11, 'unsigned int, which is packed as an int', '0e', 7],
  [12, 'uint8', '80', 128],
  [13, 'uint16', 'ac02', 300],
  [14, 'uint32', 'feffffff0f', 0xffff_fffe],
  [15, 'uint64', 'ffffffffffffffff ff', 2 ** 64],
  [16, 'float', '"1.500000"', '1.500000'],
  [17, 'double', '"1.500000"', '1.500000'],
  [18, 'time value', '02 04', [1, 2]],
  [19, 'time', '05', 5],
  [20, 'status', '5b', -46],
  [21, 'value', '0c 09', 9],
  [22, 'process', proc, ['ns', 7]],
  [
    23,
    'application',
    '"a" 04 "a" "b" 02 "E=1" "/" 02 01 "i" 00 0c 03',
    ['a', ['a', 'b'], ['E=1'], '/', 1, [{ key: 'i', value: 3 }]],
  ],
  [24, 'info', '"i" 01 0e 05', { key: 'i', value: 5 }],
  [25, 'published data', `${proc} "i" 0e 05`, [['ns', 7], { key: 'i', value: 5 }]],
  [26, 'buffer', '01 02 0102', [1, Uint8Array.of(1, 2)]],
  [27, 'byte object', '02 0102', Uint8Array.of(1, 2)],
  [28, 'kval', '"i" 0e 05', { key: 'i', value: 5 }],
  [30, 'persistence', '01', 1],
  [31, 'pointer', '01', 1],
  [32, 'scope', '01', 1],
  [33, 'range', '01', 1],
  [34, 'command', '01', 1],
  [35, 'info directives', '8001', 128],
  [36, 'data type', '28', 40],
  [37, 'process state', '02', 2],
  [38, 'process info', `${proc} "n0" "a.out" 0e 8001 02`, [['ns', 7], 'n0', 'a.out', 128, 2]],
  [39, 'array', '0d 03 01 02 8001', [1, 2, 128]],
  [40, 'rank', 'feffffff0f', 0xffff_fffe],
  [41, 'query', '04 "a" "b" 00', [['a', 'b'], []]],
  [42, 'compressed string', '02 789c', Uint8Array.of(0x78, 0x9c)],
  [43, 'allocation directive', '01', 1],
  [45, 'channel', '8001', 128],
  [46, 'variable', '"A" "b" 3a', ['A', 'b', 0x3a]],
  [47, 'coordinates', '01 02 05 8001', [1, [5, 128]]],
  [48, 'attribute', '"n" "s" 03 04 "a" "b"', ['n', 's', 3, ['a', 'b']]],
  [49, 'list as text', `${Buffer.from('raw:n0,n1\0').toString('hex')}`, 'raw:n0,n1'],
  [
    49,
    'list of zlib',
    `${Buffer.from('blob:\0component=zlib:\0size=3:\0').toString('hex')} 01 00 02`,
    Uint8Array.of(1, 0, 2),
  ],
  [50, 'job state', '02', 2],
  [51, 'link state', '02', 2],
  [52, 'set of cores', '"0-3"', '0-3'],
  [53, 'geometry', '01 "u" "o" 01 01 01 05', [1, 'u', 'o', [[1, [5]]]]],
  [54, 'device distance', '"u" "o" 04 0d 0e', ['u', 'o', 4, 13, 14]],
  [55, 'endpoint', '"u" "o" 01 09', ['u', 'o', Uint8Array.of(9)]],
  [56, 'topology that is not there', '00', ''],
  [57, 'device type', '8001', 128],
  [58, 'locality', '8001', 128],
  [59, 'compressed bytes', '02 789c', Uint8Array.of(0x78, 0x9c)],
  [60, 'namespace', '"ns"', 'ns'],
  [
    61,
    'statistics of a process',
    `"n" ${proc} 0e 05 "c" 02 02 04 06 08 "1.0" "2.0" "3.0" 02 02 04`,
    ['n', ['ns', 7], 5, 'c', 2, [1, 2], 3, 4, '1.0', '2.0', '3.0', 1, [1, 2]],
  ],
  [62, 'of a disk', `"d" ${'8001'.repeat(11)}`, ['d', ...Array<number>(11).fill(128)]],
  [63, 'of an interface', `"e" ${'05'.repeat(6)}`, ['e', ...Array<number>(6).fill(5)]],
  [
    64,
    'of a node',
    `"n" ${'"1"'.repeat(11)} 02 04 00 00`,
    ['n', ...'1'.repeat(11), [1, 2], [], []],
  ],
  [65, 'data buffer', '02 0102', Uint8Array.of(1, 2)],
  [66, 'storage medium', '8001', 128],
  [67, 'storage access', '8001', 128],
  [68, 'storage persistence', '8001', 128],
  [69, 'storage access type', '8001', 128],
];

for (const [type, name, bytes, value] of EVERY) {
  values(`type ${type}, ${name}: alone, and followed by another`, () => {
    const one = packed(type, bytes);
    const two = new Unpacker(new Uint8Array([...one, ...packed(14, '2a')]), 'the answer to GET');
    assert.equal(readPair(two), { key: 'k', value });
    assert.equal(readPair(two), { key: 'k', value: 42 });
    assert.ok(two.done);
  });
}

values('the numbers of several processes are described once, and those of none not at all', () => {
  assert.equal(read(packed(39, '05 02 0e 05 8001')).value, [5, 128]);
  assert.equal(read(packed(39, '05 00')).value, []);
});

for (const [how, bytes, told] of [
  ['a type of PMIx 6', packed(73, '00'), /holds a value of type 73 where one of 1 to 69 was expec/],
  ['a type that is left out', packed(44, '00'), /type 44 where one of 1 to 69 was expected/],
  ['an array of nothing', packed(39, '00 01'), /type 0 where one of 1 to 69 was expected/],
  ['a process number that is text', packed(5, '03 "1"'), /of type 3 where one of 11 to 15 was exp/],
  ['a list without a size', packed(49, `${Buffer.from('blob:\0a\0b\0').toString('hex')}`), /size/],
  ['a topology', packed(56, '"<topology/>"'), /holds a topology where data of the job was expec/],
  ['a string that ends early', packed(3, '10 61'), /has 1 bytes where 8 were expected/],
] as const) {
  values(`${how} is refused, and the error says what was expected`, () => {
    const error = (() => {
      try {
        return read(bytes);
      } catch (thrown) {
        return thrown;
      }
    })();
    assert.instance(error, PythonMpiError);
    assert.is((error as PythonMpiError).code, 'LAUNCHER');
    assert.match((error as PythonMpiError).message, told);
    assert.match((error as PythonMpiError).message, /^the answer to GET of PMIx /);
    assert.ok((error as PythonMpiError).hint);
  });
}

values.run();
