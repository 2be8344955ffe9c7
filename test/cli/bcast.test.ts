import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type BcastCommand, parseBcastCommand, summary } from '../../src/cli/bcast.ts';
import type { PythonMpiError } from '../../src/errors.ts';

const parse = (...argv: string[]) =>
  parseBcastCommand(argv, '/work', '1.2.3') as Promise<BcastCommand>;

const bcast = suite('cli/bcast');

for (const [argv, directory, names] of [
  [['a', '/tmp/b'], '/tmp', ['b']],
  [['a', 'b'], '/work', ['b']],
  [['x/a', '/tmp/b/'], '/tmp/b', ['a']],
  [['x/a/', 'y/c', '/tmp/b'], '/tmp/b', ['a', 'c']],
  [['.', '/tmp/b/'], '/tmp/b', ['work']],
  [['--extract', 'a.tar', 'b.tar', '/tmp/b/'], '/tmp', ['b']],
] as const) {
  bcast(`${argv.join(' ')} goes to ${names.join(' and ')} in ${directory}`, async () => {
    assert.equal((await parse(...argv)).destination, { directory, names });
  });
}

bcast('sources are absolute, settings go to configure', async () => {
  const command = await parse('--timeout', '5', '--verbose', '--replace', 'a', '/b', '/tmp/');
  assert.equal(command.sources, ['/work/a', '/b']);
  assert.equal(command.options, { timeout: '5', verbose: 'true' });
  assert.is(command.replace, true);
  assert.is(command.extract, false);
});

for (const [argv, message] of [
  [['a'], /DEST is missing/],
  [[], /missing required argument/],
  [['x/a', 'y/a', '/tmp'], /two sources would become \/tmp\/a/],
  [['a', '/'], undefined],
  [['--extract', 'a.tar', '/'], /root directory/],
  [['--compress', 'a', '/tmp'], /unknown option '--compress'/],
] as const) {
  bcast(`${argv.join(' ') || 'nothing'}: ${message ?? 'is fine'}`, async () => {
    const error = await parse(...argv).then(
      () => undefined,
      (thrown: PythonMpiError) => thrown,
    );
    assert.is(error?.code, message === undefined ? undefined : 'USAGE');
    if (message !== undefined) assert.match(error!.message, message);
  });
}

bcast('the summary says what was sent, to how many, how fast', () => {
  const report = { bytes: 10_000_000, nodes: 4, held: 0, milliseconds: 500 };
  assert.is(summary(report), '10000000 bytes to 4 nodes in 0.50 s, 20.0 MB/s\n');
  assert.is(
    summary({ ...report, held: 3 }),
    '10000000 bytes to 1 node in 0.50 s, 20.0 MB/s; 3 nodes had it already\n',
  );
  assert.is(summary({ ...report, held: 4 }), '4 nodes had it already, nothing sent; 0.50 s\n');
});

bcast.run();
