/** The tree that words take: every position is the child of its parent, and of no other. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ancestorsOf, childrenOf, levelsBelow, parentOf } from '../../src/net/wide-tree.ts';

const tree = suite('net/wide-tree');

tree('parents and children agree, whatever the width and the count', () => {
  for (const width of [1, 2, 3, 32]) {
    for (const count of [1, 2, 3, 33, 34, 70]) {
      const positions = Array.from({ length: count }, (_, position) => position);
      const children = positions.flatMap(position => {
        const below = childrenOf(position, count, width);
        for (const child of below) assert.is(parentOf(child, width), position);
        assert.ok(below.length <= width);
        return below;
      });
      assert.equal(children, positions.slice(1));
    }
  }
});

tree('the way up ends at the root, and is as long as the tree is deep', () => {
  assert.equal(ancestorsOf(0), []);
  assert.equal(ancestorsOf(33), [1, 0]);
  assert.equal(ancestorsOf(12, 2), [5, 2, 0]);
  for (const count of [1, 2, 33, 34, 33_824, 33_825]) {
    assert.is(levelsBelow(0, count), ancestorsOf(count - 1).length);
  }
});

tree.run();
