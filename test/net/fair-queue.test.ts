/** Work for strangers: so much at a time, and in turns. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FairQueue } from '../../src/net/fair-queue.ts';

const queue = suite('net/fair-queue');

queue(
  'no more at a time than allowed, and the one address does not keep the other waiting',
  async () => {
    const fair = new FairQueue(2, 100);
    const done: string[] = [];
    let running = 0;
    const work = (address: string) =>
      fair.run(address, async () => {
        assert.ok(++running <= 2);
        await new Promise(resolve => setImmediate(resolve));
        running--;
        done.push(address);
      });
    const flood = Array.from({ length: 50 }, () => work('flood'));
    const peers = Array.from({ length: 3 }, () => work('peer'));
    await Promise.all(peers);
    assert.ok(done.filter(address => address === 'flood').length <= 8, done.join());
    await Promise.all(flood);
    await work('flood');
    assert.is(done.length, 54);
  },
);

queue('what one address may have waiting is bounded, and what fails makes room', async () => {
  const fair = new FairQueue(1, 2);
  const gate = Promise.withResolvers<void>();
  const fail = async () => {
    await gate.promise;
    throw new Error('as expected');
  };
  const asked = [1, 2, 3, 4].map(() => fair.run('a', fail).catch(error => error.message as string));
  const other = fair.run('b', async () => 'b');
  assert.is(await asked[3], 'a asks too much');
  gate.resolve();
  assert.equal(await Promise.all(asked.slice(0, 3)), Array(3).fill('as expected'));
  assert.is(await other, 'b');
});

queue.run();
