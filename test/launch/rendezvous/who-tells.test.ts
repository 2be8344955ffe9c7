/** Of the ranks that see an error one tells the user, wherever in the job they are. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PythonMpiError, type SeenBy, STATUS } from '../../../src/errors.ts';
import { nodeMapOf } from '../../../src/launch/rendezvous/node-map.ts';
import {
  deserted,
  type Seer,
  tells,
  tellsVerdict,
} from '../../../src/launch/rendezvous/who-tells.ts';

/** Two ranks on each of three nodes. */
const NODES = [0, 0, 1, 1, 2, 2];
const RANKS = NODES.map((_, rank) => ({
  rank,
  nodeMap: nodeMapOf({ rank, size: NODES.length, nodes: NODES }),
}));

/** The ranks that tell, of those that see an error. */
function tellers(error: PythonMpiError, seers: readonly Seer[] = RANKS): number[] {
  return seers.filter(seer => tells(seer, error)).map(({ rank }) => rank);
}

const policy = suite('launch/rendezvous/who-tells');

for (const [seenBy, seers, teller] of [
  ['this rank', [RANKS[3]!], 3],
  ['this node', RANKS.slice(2, 4), 2],
  ['the first rank', RANKS, 0],
  ['all but the first rank', RANKS.slice(1), 2],
] as const) {
  policy(`an error seen by ${seenBy}: rank ${teller} tells`, () => {
    const error = new PythonMpiError('SYSTEM', 'wrong', { seenBy: seenBy as SeenBy });
    assert.equal(tellers(error, seers), [teller]);
  });
}

policy('what the user got wrong all ranks see, also before they have found each other', () => {
  const unmet = RANKS.map(({ rank }) => ({ rank, nodeMap: undefined }));
  assert.equal(tellers(new PythonMpiError('USAGE', 'wrong'), unmet), [0]);
});

policy('of a rank that is lost one of the others tells, on one node and on many', () => {
  const lost = () => deserted(new PythonMpiError('PEER_LOST', 'lost'));
  assert.equal(tellers(lost(), RANKS.slice(1)), [2]);
  const nodes = [0, 0, 0];
  const together = nodes.map((_, rank) => ({ rank, nodeMap: nodeMapOf({ rank, size: 3, nodes }) }));
  assert.equal(tellers(lost(), together.slice(1)), [1]);
  // What is wrong with the rank itself no other rank sees.
  assert.equal(tellers(deserted(new PythonMpiError('SYSTEM', 'wrong')), [RANKS[5]!]), [5]);
});

policy('of a failed session the root tells, and the deputy if the root is what was lost', () => {
  const leaders = RANKS.filter(({ nodeMap }) => nodeMap.leads);
  const of = (position: number, code: number) =>
    leaders
      .filter(({ nodeMap }) => tellsVerdict(nodeMap, { position, code, text: '' }))
      .map(({ rank }) => rank);
  assert.equal(of(2, STATUS.NO_SPACE), [0]);
  assert.equal(of(2, STATUS.PEER_LOST), [0]);
  assert.equal(of(0, STATUS.NO_SPACE), [0]);
  // The root, should it live, says the same of itself.
  assert.equal(of(0, STATUS.PEER_LOST), [0, 2]);
});

policy.run();
