import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ordered } from '../../src/bundle/ordered.ts';

/** Work whose calls end only when the test says so. */
function controlled() {
  const calls: { item: number; resolve: () => void; reject: (error: Error) => void }[] = [];
  const work = (item: number) =>
    new Promise<number>((resolve, reject) => {
      calls.push({ item, resolve: () => resolve(item), reject });
    });
  return { calls, work };
}

const turns = () => new Promise(resolve => setImmediate(resolve));
const order = suite('ordered');

order('results come in the order of the items, whichever ends first', async () => {
  const { calls, work } = controlled();
  const results: number[] = [];
  const run = (async () => {
    for await (const result of ordered([1, 2, 3], 3, work)) results.push(result);
  })();
  await turns();
  for (const call of [...calls].reverse()) call.resolve();
  await run;
  assert.equal(results, [1, 2, 3]);
});

order('never more calls under way than asked for', async () => {
  let underway = 0;
  let most = 0;
  const work = async (item: number) => {
    most = Math.max(most, ++underway);
    await turns();
    underway--;
    return item;
  };
  const results: number[] = [];
  for await (const result of ordered(
    Array.from({ length: 20 }, (_, i) => i),
    4,
    work,
  ))
    results.push(result);
  assert.is(most, 4);
  assert.is(results.length, 20);
});

order('the first failure ends it, after what is under way', async () => {
  const { calls, work } = controlled();
  let settled = false;
  const run = (async () => {
    for await (const _ of ordered([1, 2, 3, 4], 2, work));
  })();
  run.catch(() => {
    settled = true;
  });
  await turns();
  calls[0]!.reject(new Error('one'));
  await turns();
  assert.not(settled, 'waits for the second');
  calls[1]!.resolve();
  await turns();
  assert.ok(settled);
  assert.is(calls.length, 2, 'no new call after a failure');
});

order.run();
