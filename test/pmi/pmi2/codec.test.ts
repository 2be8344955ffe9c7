import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PythonMpiError } from '../../../src/errors.ts';
import { MAX_KEY, MAX_VALUE } from '../../../src/pmi/message.ts';
import { BodyReader, formatRequest, MAX_BODY, parseBody } from '../../../src/pmi/pmi2/codec.ts';

const bytes = (text: string) => Buffer.from(text, 'latin1');
const is = (code: string) => (error: unknown) =>
  error instanceof PythonMpiError && error.code === code;

const codec = suite('pmi2 codec');

codec('a request is its length and its pairs', () => {
  assert.is(formatRequest('kvs-fence'), '    14cmd=kvs-fence;');
  assert.is(
    formatRequest('kvs-put', { key: 'k', value: 'v=1' }),
    '    28cmd=kvs-put;key=k;value=v=1;',
  );
});

codec('what a server could not take is never sent', () => {
  for (const value of ['two words', 'a;b', 'line\n', 'naïve', ''])
    assert.throws(() => formatRequest('kvs-put', { key: 'k', value }), is('INTERNAL'));
  const long = (key: number, value: number) => () =>
    formatRequest('kvs-put', { key: 'k'.repeat(key), value: 'v'.repeat(value) });
  assert.is(long(MAX_KEY, MAX_VALUE)().length, 6 + 12 + 5 + MAX_KEY + 7 + MAX_VALUE);
  assert.throws(long(MAX_KEY + 1, 1), is('INTERNAL'));
  assert.throws(long(1, MAX_VALUE + 1), is('INTERNAL'));
});

codec('a body is a command and its pairs, whatever their order', () => {
  const said = parseBody('cmd=kvs-get-response;found=TRUE;value=a=b|c:d,e;rc=0;');
  assert.is(said.command, 'kvs-get-response');
  assert.equal(
    [...said.fields],
    [
      ['found', 'TRUE'],
      ['value', 'a=b|c:d,e'],
      ['rc', '0'],
    ],
  );
  assert.is(parseBody('rc=0;cmd=x;').command, 'x');
  assert.is(parseBody('cmd=x;value=;').fields.get('value'), '');
  // As MPICH's client writes a semicolon.
  assert.is(parseBody('cmd=x;value=a;;b;rc=0;').fields.get('value'), 'a;b');
});

codec('what is no body is recognised', () => {
  for (const body of [
    '',
    'x',
    'cmd=x',
    'cmd=x;y',
    'cmd=x;y;',
    'cmd=x;=y;',
    'rc=0;',
    ';',
    'cmd=x;;',
  ])
    assert.throws(() => parseBody(body), is('LAUNCHER'), body);
});

const BODIES = ['cmd=job-getid-response;jobid=2.0;rc=0;', '', 'cmd=x;', 'cmd=y;value=€;'];
const latin1 = (text: string) => Buffer.from(text).toString('latin1');

codec('bodies arrive whole, however they are cut, padded on either side', () => {
  for (const pad of [
    (length: string) => length.padStart(6),
    (length: string) => length.padEnd(6),
    (length: string) => length.padStart(6, '0'),
  ]) {
    const bodies = BODIES.map(latin1);
    const stream = bodies.map(body => pad(String(body.length)) + body).join('');
    for (let first = 0; first <= stream.length; first++) {
      for (let second = first; second <= stream.length; second += 7) {
        const reader = new BodyReader();
        const got = [stream.slice(0, first), stream.slice(first, second), stream.slice(second)];
        assert.equal(
          got.flatMap(piece => reader.push(bytes(piece))),
          bodies,
        );
      }
    }
  }
});

codec('what is no length is recognised at once', () => {
  for (const head of [
    'cmd=in',
    '      ',
    '1 2   ',
    '    -1',
    '   1e2',
    `${MAX_BODY + 1}`.padStart(6),
  ])
    assert.throws(() => new BodyReader().push(bytes(head)), is('LAUNCHER'), head);
});

codec.run();
