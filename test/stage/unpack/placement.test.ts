import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PythonMpiError } from '../../../src/errors.ts';
import { Placement, type Step } from '../../../src/stage/unpack/placement.ts';
import type { Member, MemberType } from '../../../src/tar/read.ts';

function made(type: MemberType, name: string, target = '', mode = 0o644): Member {
  return { type, name, target, mode, size: 0, mtime: 0 };
}

/** Adds members in order and returns the last one's step. */
function add(...members: Member[]): Step {
  const placement = new Placement();
  return members.map(member => placement.add(member)).at(-1)!;
}

function refuses(code: string, message: RegExp, ...members: Member[]): void {
  const placement = new Placement();
  for (const member of members.slice(0, -1)) placement.add(member);
  assert.throws(
    () => placement.add(members.at(-1)!),
    (error: PythonMpiError) => error.code === code && message.test(error.message),
  );
}

const names = suite('names');

names('are taken as meant', () => {
  for (const name of ['a/b', './a/b', 'a//b', 'a/./b', './/a/b/']) {
    const step = add(made('file', name));
    assert.is(step.path, 'a/b');
    assert.equal(step.missing, ['a']);
  }
});

names('of the top directory make nothing', () => {
  assert.equal(add(made('directory', './')).missing, []);
  refuses('CORRUPT_PACKAGE', /no name/, made('file', './'));
});

names('that lead outside are refused', () => {
  for (const type of ['file', 'directory', 'symlink', 'link'] as const) {
    refuses('UNSAFE_PACKAGE', /\.\./, made(type, '../a'));
    refuses('UNSAFE_PACKAGE', /\.\./, made(type, 'a/../../b'));
    refuses('UNSAFE_PACKAGE', /\.\./, made(type, '..'));
    refuses('UNSAFE_PACKAGE', /absolute/, made(type, '/a'));
  }
});

names('with a NUL are refused', () => {
  refuses('UNSAFE_PACKAGE', /NUL/, made('file', 'a\0b'));
  refuses('UNSAFE_PACKAGE', /NUL/, made('symlink', 'a', 'b\0c'));
  refuses('UNSAFE_PACKAGE', /NUL/, made('link', 'a', 'b\0c'));
});

names('may hold anything else', () => {
  for (const name of ['a\nb', '\xff\xfe', '...', '..a', 'a\\..\\b', '~', '-rf', 'a:b']) {
    assert.is(add(made('file', name)).path, name);
  }
});

names.run();

const kinds = suite('kinds of members');

kinds('devices and fifos are refused', () => {
  refuses('UNSAFE_PACKAGE', /device/, made('device', 'a'));
  refuses('UNSAFE_PACKAGE', /fifo/, made('fifo', 'a'));
});

kinds('permissions lose what gives others power', () => {
  assert.is(add(made('file', 'a', '', 0o7777)).mode, 0o755);
  assert.is(add(made('file', 'a', '', 0o4511)).mode, 0o511);
  assert.is(add(made('directory', 'a', '', 0o1777)).mode, 0o755);
});

kinds.run();

const symlinks = suite('symlinks');

symlinks('may point anywhere', () => {
  for (const target of ['/etc/passwd', '../../../etc', 'nowhere']) {
    assert.is(add(made('symlink', 'a', target)).target, target);
  }
});

symlinks('are followed inside', () => {
  const follow = (target: string, at = 'lib64') =>
    add(made('directory', 'lib/x'), made('symlink', at, target), made('file', `${at}/file`)).path;
  assert.is(follow('lib'), 'lib/file');
  assert.is(follow('./lib/'), 'lib/file');
  assert.is(follow('lib/x/..'), 'lib/file');
  assert.is(follow('../lib/x', 'deep/link'), 'lib/x/file');
  assert.is(follow('..', 'lib/up'), 'file');
});

symlinks('that are followed to nowhere make a directory there', () => {
  const step = add(made('symlink', 'a', 'b/c'), made('file', 'a/file'));
  assert.is(step.path, 'b/c/file');
  assert.equal(step.missing, ['b', 'b/c']);
});

symlinks('are not written through to the outside', () => {
  for (const target of ['/etc', '/', '..', '../x', 'd/../..', 'x/../../y']) {
    const link = made('symlink', 'out', target);
    for (const type of ['file', 'directory', 'symlink', 'link'] as const) {
      refuses('UNSAFE_PACKAGE', /outside/, made('file', 'f'), link, made(type, 'out/x', 'f'));
    }
    refuses('UNSAFE_PACKAGE', /outside/, link, made('directory', 'out'));
  }
});

symlinks('are not written through in a chain either', () => {
  refuses(
    'UNSAFE_PACKAGE',
    /outside/,
    made('symlink', 'a', 'b'),
    made('symlink', 'b', 'c/../..'),
    made('directory', 'c'),
    made('file', 'a/x'),
  );
  // `d` is a/b, so its `..` is a and not the top, whatever the names suggest.
  const inside = [
    made('directory', 'a/b'),
    made('symlink', 'd', 'a/b'),
    made('symlink', 'e', 'd/..'),
    made('file', 'e/x'),
  ];
  assert.is(add(...inside).path, 'a/x');
});

symlinks('in circles are refused', () => {
  refuses(
    'UNSAFE_PACKAGE',
    /symlinks/,
    made('symlink', 'a', 'b'),
    made('symlink', 'b', 'a'),
    made('file', 'a/x'),
  );
});

symlinks('themselves are replaced, not followed, by a file of their name', () => {
  const step = add(made('symlink', 'a', '/etc/passwd'), made('file', 'a'));
  assert.is(step.path, 'a');
  assert.ok(step.replaces);
});

symlinks.run();

const links = suite('hard links');

links('go to what is there', () => {
  const through = add(
    made('file', 'lib/f'),
    made('symlink', 'lib64', 'lib'),
    made('link', 'g', './lib64/f'),
  );
  assert.is(through.target, 'lib/f');
  assert.is(add(made('symlink', 's', '/etc'), made('link', 'g', 's')).target, 's');
});

links('go nowhere else', () => {
  refuses('CORRUPT_PACKAGE', /not there/, made('link', 'a', 'b'));
  refuses('CORRUPT_PACKAGE', /not there/, made('link', 'a', 'b/c'));
  refuses('CORRUPT_PACKAGE', /not there/, made('link', 'a', './'));
  refuses('CORRUPT_PACKAGE', /directory/, made('directory', 'd'), made('link', 'a', 'd'));
  refuses('UNSAFE_PACKAGE', /\.\./, made('link', 'a', '../b'));
  refuses('UNSAFE_PACKAGE', /absolute/, made('link', 'a', '/etc/passwd'));
  refuses('UNSAFE_PACKAGE', /outside/, made('symlink', 's', '/etc'), made('link', 'a', 's/passwd'));
});

links('to a symlink that leads outside are no way round', () => {
  refuses(
    'UNSAFE_PACKAGE',
    /outside/,
    made('symlink', 's', '/etc'),
    made('link', 't', 's'),
    made('file', 't/x'),
  );
});

links('to themselves change nothing', () => {
  assert.is(add(made('file', 'a'), made('link', 'a', './a')).action, 'none');
});

links.run();

const overrides = suite('overriding');

overrides('a later file, link or symlink replaces an earlier one', () => {
  for (const earlier of ['file', 'symlink'] as const) {
    for (const later of ['file', 'symlink', 'link'] as const) {
      const step = add(made('file', 'f'), made(earlier, 'a', 'x'), made(later, 'a', 'f'));
      assert.ok(step.replaces);
    }
  }
});

overrides('directories merge', () => {
  const step = add(made('file', 'd/a'), made('directory', 'd/'));
  assert.equal([step.path, step.missing, step.replaces], ['d', [], false]);
  const linked = add(
    made('directory', 'lib'),
    made('symlink', 'lib64', 'lib'),
    made('directory', 'lib64'),
  );
  assert.equal([linked.path, linked.missing], ['lib', []]);
});

overrides('anything else is a conflict', () => {
  for (const type of ['file', 'symlink', 'link'] as const) {
    refuses(
      'CORRUPT_PACKAGE',
      /replace a directory/,
      made('file', 'f'),
      made('file', 'd/a'),
      made(type, 'd', 'f'),
    );
  }
  refuses('CORRUPT_PACKAGE', /is a file/, made('file', 'a'), made('directory', 'a'));
  refuses('CORRUPT_PACKAGE', /is a file/, made('file', 'a'), made('file', 'a/b'));
  refuses(
    'CORRUPT_PACKAGE',
    /is a file/,
    made('file', 'a'),
    made('symlink', 's', 'a'),
    made('directory', 's'),
  );
});

overrides.run();
