import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { nodeMapOf } from '../../../src/launch/rendezvous/node-map.ts';

const nodeMap = suite('launch/roster');

nodeMap('the lowest rank of each node leads it, and rank 0 is at the root', () => {
  // Cyclic: ranks 0..5 on nodes 0,1,2,0,1,0.
  const nodes = [0, 1, 2, 0, 1, 0];
  const seen = nodes.map((_, rank) => nodeMapOf({ rank, size: 6, nodes }));
  assert.equal(
    seen.map(it => it.position),
    nodes,
  );
  assert.equal(
    seen.map(it => it.leads),
    [true, true, true, false, false, false],
  );
  assert.equal(
    seen.map(it => it.locals),
    [3, 2, 1, 3, 2, 3],
  );
  for (const it of seen) assert.equal(it.leaders, [0, 1, 2]);
});

nodeMap('a job of one rank', () => {
  const { position, leaders, leads, locals } = nodeMapOf({ rank: 0, size: 1, nodes: [0] });
  assert.equal(
    { position, leaders, leads, locals },
    { position: 0, leaders: [0], leads: true, locals: 1 },
  );
});

nodeMap.run();
