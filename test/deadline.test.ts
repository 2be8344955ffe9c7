import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Alarm, now } from '../src/deadline.ts';

const deadline = suite('deadline');

/**
 * Sets an alarm to these moments, milliseconds from now, one after the other. @returns when it was
 * due, and rang
 */
async function rung(...moments: number[]): Promise<{ due: number; at: number }> {
  let due = 0;
  const at = await new Promise<number>(resolve => {
    const alarm = new Alarm(() => resolve(now()));
    for (const moment of moments) {
      due = now() + moment;
      alarm.set(due);
    }
  });
  return { due, at };
}

deadline('an alarm never rings early, also when it was put off', async () => {
  for (const moments of [[3], [3, 9], [3, 9, 15], [0.5, 2.5]]) {
    const { due, at } = await rung(...moments);
    assert.ok(at >= due, `${moments}: ${due - at} ms early`);
  }
});

deadline('an alarm that is brought forward does not wait for the later moment', async () => {
  const { due } = await rung(3_600_000, 2);
  assert.ok(now() < due + 3_000_000);
});

deadline('an alarm that was cleared is silent until it is set again', async () => {
  const rings: string[] = [];
  await new Promise<void>(resolve => {
    const cleared = new Alarm(() => rings.push('cleared'));
    cleared.set(now() + 1);
    cleared.set(now() + 2);
    cleared.clear();
    const again = new Alarm(() => {
      rings.push('again');
      resolve();
    });
    again.set(now() + 1);
    again.clear();
    again.set(now() + 5);
  });
  assert.equal(rings, ['again']);
});

deadline.run();
