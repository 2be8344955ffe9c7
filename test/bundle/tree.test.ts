import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Entry, type Layer, Tree } from '../../src/bundle/tree.ts';

const layer: Layer = { label: 'test', origins: [] };
const file = (path: string, content = 'x'): Entry => ({
  kind: 'file',
  path,
  layer,
  executable: false,
  content: Buffer.from(content),
});
const link = (path: string, target: string): Entry => ({ kind: 'link', path, layer, target });
const paths = (tree: Tree) => tree.sorted().map(entry => entry.path);

const trees = suite('tree');

trees('a later entry replaces an earlier one', () => {
  const tree = new Tree();
  tree.put(file('a/b', 'old'));
  tree.put(file('a/b', 'new'));
  const [entry] = tree.files();
  assert.is(tree.size, 1);
  assert.equal(entry!.content, Buffer.from('new'));
});

trees('a file in the place of a directory replaces all below it', () => {
  const tree = new Tree();
  for (const path of ['lib/x/1', 'lib/x/y/2', 'lib/xy']) tree.put(file(path));
  tree.put(link('lib/x', 'xy'));
  assert.equal(paths(tree), ['lib/x', 'lib/xy']);
  assert.equal(tree.directories(), ['lib']);
});

trees('an entry below a link replaces the link by a directory', () => {
  const tree = new Tree();
  tree.put(link('lib64', 'lib'));
  tree.put(file('lib64/a'));
  assert.equal(paths(tree), ['lib64/a']);
  assert.equal(tree.directories(), ['lib64']);
});

trees('order is that of bytes, whatever came first', () => {
  const tree = new Tree();
  for (const path of ['é', 'b', 'Z', 'a/c', 'a.b', 'z']) tree.put(file(path));
  assert.equal(paths(tree), ['Z', 'a.b', 'a/c', 'b', 'z', 'é']);
});

trees('directories come before what is in them', () => {
  const tree = new Tree();
  tree.put(file('a/b/c/d'));
  tree.put(file('a/e'));
  assert.equal(tree.directories(), ['a', 'a/b', 'a/b/c']);
});

trees('an empty directory stays until something takes its place', () => {
  const tree = new Tree();
  tree.putDirectory('a/b');
  tree.put(file('c/d'));
  tree.putDirectory('c/d');
  assert.equal(tree.directories(), ['a', 'a/b', 'c', 'c/d']);
  assert.equal(paths(tree), []);
  tree.put(file('a'));
  assert.equal(tree.directories(), ['c', 'c/d']);
});

trees.run();
