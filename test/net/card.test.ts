import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeCard, encodeCard } from '../../src/net/card.ts';

const card = suite('net/card');

for (const it of [
  { host: 'n0', endpoints: [{ host: '10.0.0.1', port: 40000 }], local: 'python-mpi-a' },
  {
    host: 'n1',
    endpoints: [
      { host: '2001:db8::1', port: 1 },
      { host: 'nid00012', port: 65535 },
    ],
    local: '',
  },
  { host: 'alone', endpoints: [], local: 'x' },
]) {
  card(`survives the way through a KVS: ${it.host}`, () => {
    const text = encodeCard(it);
    assert.equal(decodeCard(text), it);
    assert.not.match(text, /[\s;=]/);
  });
}

card('fits into every KVS, however many addresses a node has', () => {
  const endpoints = Array.from({ length: 100 }, (_, i) => ({
    host: `2001:db8:1234:5678:9abc:def0:1234:${i}`,
    port: 50000,
  }));
  assert.ok(encodeCard({ host: 'h'.repeat(300), endpoints, local: 'x'.repeat(64) }).length < 900);
});

for (const text of [
  '',
  '1',
  '2|n0|10.0.0.1:4|x',
  '1||10.0.0.1:4|x',
  '1|n0|10.0.0.1|x',
  '1|n0|10.0.0.1:0|x',
  '1|n0|10.0.0.1:99999|x',
  '1|n0|:5|x',
  '1|n0|a:5|x|y',
]) {
  card(`is refused: '${text}'`, () => {
    assert.throws(
      () => decodeCard(text),
      (error: { code: string }) => error.code === 'PROTOCOL',
    );
  });
}

card.run();
