import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Exclusion } from '../../src/bundle/exclude.ts';

const excludes = suite('exclude');

const cases: readonly (readonly [pattern: string, path: string, matches: boolean])[] = [
  ['tests', 'lib/p/tests', true],
  ['tests', 'lib/p/tests/test_a.py', true],
  ['tests', 'lib/p/mytests/a.py', false],
  ['tests/', 'lib/p/tests/test_a.py', true],
  ['*.a', 'lib/libx.a', true],
  ['*.a', 'lib/x.a/y', true],
  ['*.a', 'lib/libx.so', false],
  ['share/doc', 'share/doc/x', true],
  ['share/doc', 'lib/share/doc/x', false],
  ['./share/doc', 'share/doc/x', true],
  ['lib/*/test', 'lib/python3.11/test/x.py', true],
  ['lib/*/test', 'lib/a/b/test/x.py', false],
  ['**/test', 'lib/a/b/test/x.py', true],
  ['**/test', 'test/x.py', true],
  ['lib/**/x.py', 'lib/x.py', true],
  ['lib/**/x.py', 'lib/a/b/x.py', true],
  ['lib/**', 'lib/a/b', true],
  ['?.py', 'a.py', true],
  ['?.py', 'ab.py', false],
  ['a+b(c)', 'a+b(c)', true],
  ['a.c', 'abc', false],
];
for (const [pattern, path, matches] of cases) {
  excludes(`${pattern} ${matches ? 'matches' : 'does not match'} ${path}`, () => {
    const exclusion = new Exclusion({ defaults: false, exclude: [pattern], include: [] });
    assert.is(exclusion.match(path), matches ? pattern : undefined);
  });
}

excludes('include wins over defaults and excludes', () => {
  const exclusion = new Exclusion({
    defaults: true,
    exclude: ['*.csv'],
    include: ['keep.csv', 'libx.a'],
  });
  assert.not(exclusion.drops('data/keep.csv'));
  assert.not(exclusion.drops('lib/libx.a'));
  assert.ok(exclusion.drops('data/other.csv'));
});

excludes('a directory is read as long as something below it may be included', () => {
  const some = new Exclusion({ defaults: true, exclude: [], include: ['share/doc/keep'] });
  assert.not(some.prunes('share/doc'));
  assert.ok(some.drops('share/doc/other'));
  const none = new Exclusion({ defaults: true, exclude: [], include: [] });
  assert.ok(none.prunes('share/doc'));
});

excludes('what was left out is on record, by pattern', () => {
  const exclusion = new Exclusion({ defaults: false, exclude: ['*.a', 'doc'], include: [] });
  for (const path of ['1.a', '2.a', 'doc', 'kept']) exclusion.drops(path);
  assert.equal(
    [...exclusion.leftOut],
    [
      ['*.a', 2],
      ['doc', 1],
    ],
  );
});

excludes('the defaults keep data and tests of packages', () => {
  const exclusion = new Exclusion({ defaults: true, exclude: [], include: [] });
  const site = 'lib/python3.11/site-packages';
  for (const path of [
    'matplotlib/mpl-data/images/home.png',
    'sklearn/data/iris.csv',
    'scipy/x.npz',
    'astropy/tests/__init__.py',
    'gymnasium/envs/__init__.py',
    'x/pkgs/__init__.py',
    'jupyter/a.html',
  ]) {
    assert.is(exclusion.match(`${site}/${path}`), undefined, path);
  }
});

excludes.run();
