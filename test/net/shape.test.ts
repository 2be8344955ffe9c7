import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SHAPE } from '../../src/engine/engine.ts';
import { shapeOf } from '../../src/net/shape.ts';

const shape = suite('shape');

shape('few nodes make a chain, many a tree that is not deep', () => {
  for (const count of [1, 2, 4, 16]) assert.is(shapeOf(count), SHAPE.CHAIN);
  for (const count of [17, 1024, 100_000]) assert.is(shapeOf(count), SHAPE.BINOMIAL);
});

shape.run();
