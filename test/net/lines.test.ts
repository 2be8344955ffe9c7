/** Lines of JSON, however they are cut. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Lines } from '../../src/net/lines.ts';
import type { Link, LinkReader } from '../../src/net/link.ts';

/** A link whose other end is played by the test. */
function played(): { lines: Lines; says: (bytes: Buffer) => void; ends: () => void } {
  let reader: LinkReader | undefined;
  const link = { read: (given: LinkReader) => (reader = given) } as unknown as Link;
  const lines = new Lines(link, 'the other');
  return { lines, says: bytes => reader!.received(bytes), ends: () => reader!.ended() };
}

const failure = (promise: Promise<unknown>) => promise.then(String, error => error.message);

const lines = suite('net/lines');

lines('messages arrive whole, wherever they are cut', async () => {
  const bytes = Buffer.from('{"host":"knötchen ✓"}\n[1,2]\n"last"\n');
  for (let first = 0; first <= bytes.length; first++) {
    for (let second = first; second <= bytes.length; second++) {
      const { lines, says } = played();
      says(bytes.subarray(0, first));
      says(bytes.subarray(first, second));
      const asked = lines.next();
      says(bytes.subarray(second));
      assert.equal(await asked, { host: 'knötchen ✓' });
      assert.equal(await lines.next(), [1, 2]);
      assert.is(await lines.next(), 'last');
    }
  }
});

lines('what came before the end still counts', async () => {
  const { lines, says, ends } = played();
  says(Buffer.from('1\n2\n3'));
  ends();
  assert.is(await lines.next(), 1);
  assert.is(await lines.next(), 2);
  assert.is(await failure(lines.next()), 'the other went away');
});

lines('nonsense, and a line without end, break the conversation', async () => {
  for (const nonsense of [Buffer.from('{"a":\n'), Buffer.alloc(70_000, '1')]) {
    const { lines, says } = played();
    const asked = failure(lines.next());
    says(nonsense);
    assert.is(await asked, 'the other sent nonsense');
    assert.is(await failure(lines.next()), 'the other sent nonsense');
  }
});

lines.run();
