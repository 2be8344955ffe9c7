import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PythonMpiError } from '../../../src/errors.ts';
import { MAX_VALUE } from '../../../src/pmi/message.ts';
import {
  formatLine,
  formatRequest,
  LineReader,
  MAX_LINE,
  MAX_REQUEST,
  parseLine,
} from '../../../src/pmi/pmi1/codec.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const is = (code: string) => (error: unknown) =>
  error instanceof PythonMpiError && error.code === code;

const codec = suite('pmi1 codec');

codec('a request is one line of words', () => {
  assert.is(formatRequest('barrier_in'), 'cmd=barrier_in\n');
  assert.is(
    formatRequest('put', { kvsname: 'kvs_0', key: 'k', value: 'a=b;c,d:e' }),
    'cmd=put kvsname=kvs_0 key=k value=a=b;c,d:e\n',
  );
});

codec('keys are sent in the order given: Hydra takes init by position', () => {
  assert.is(
    formatRequest('init', { pmi_version: 1, pmi_subversion: 1 }),
    'cmd=init pmi_version=1 pmi_subversion=1\n',
  );
});

codec('what a server would cut or misread is refused before it is sent', () => {
  for (const value of ['', 'a b', 'a\n', 'a\ncmd=abort', 'é', '\0', 'x'.repeat(MAX_VALUE + 1)])
    assert.throws(() => formatRequest('put', { kvsname: 'k', key: 'k', value }), is('INTERNAL'));
  assert.throws(
    () => formatRequest('put', { kvsname: 'k', key: 'k'.repeat(64), value: 'v' }),
    is('INTERNAL'),
  );
  const kvsname = 'k'.repeat(MAX_REQUEST - MAX_VALUE);
  assert.throws(
    () => formatRequest('put', { kvsname, key: 'k', value: 'v'.repeat(MAX_VALUE) }),
    is('INTERNAL'),
  );
});

codec('the longest request is exactly what Slurm reads at once', () => {
  const fixed = 'cmd=get kvsname= key=k'.length;
  const line = formatRequest('get', { kvsname: 'k'.repeat(MAX_REQUEST - fixed), key: 'k' });
  assert.is(line.length, 1024);
  assert.throws(
    () => formatRequest('get', { kvsname: 'k'.repeat(MAX_REQUEST - fixed + 1), key: 'k' }),
    is('INTERNAL'),
  );
});

codec('replies are read by key, whatever their order', () => {
  for (const line of [
    'cmd=response_to_init pmi_version=1 pmi_subversion=1 rc=0',
    'cmd=response_to_init rc=0 pmi_version=1 pmi_subversion=1',
  ]) {
    const { command, fields } = parseLine(line);
    assert.is(command, 'response_to_init');
    assert.equal([fields.get('pmi_version'), fields.get('rc')], ['1', '0']);
  }
});

codec('a value keeps its equal signs and, as Flux sends it, its spaces', () => {
  const { fields } = parseLine('cmd=get_result rc=0 value=(vector, (0,1, 2)) a==');
  assert.is(fields.get('value'), '(vector, (0,1, 2))');
  assert.is(fields.get('a'), '=');
  assert.is(parseLine('cmd=get_result value=a  b').fields.get('value'), 'a  b');
});

codec('spawn is a message of several lines', () => {
  assert.ok(parseLine('mcmd=spawn').multiline);
  assert.not(parseLine('cmd=spawn').multiline);
});

codec('what is no message is one declared error', () => {
  for (const line of [
    '',
    ' ',
    'cmd',
    'cmd=',
    'xcmd=init',
    'hello world',
    'rc=0 cmd=put',
    'cmd=put rc',
    '\x00',
  ])
    assert.throws(() => parseLine(line), is('LAUNCHER'));
});

codec('an error shows no more of a line than fits', () => {
  assert.throws(
    () => parseLine('x'.repeat(4000)),
    (error: PythonMpiError) => error.message.length < 100,
  );
});

codec('lines come out the same at every split', () => {
  const text = [
    formatLine('set', { size: 2 }),
    formatLine('set', { rank: 0 }),
    formatLine('barrier_out'),
  ].join('');
  const expected = ['cmd=set size=2', 'cmd=set rank=0', 'cmd=barrier_out'];
  const whole = bytes(text);
  for (let first = 0; first <= whole.length; first++) {
    for (let second = first; second <= whole.length; second++) {
      const reader = new LineReader();
      const pieces = [
        whole.subarray(0, first),
        whole.subarray(first, second),
        whole.subarray(second),
      ];
      assert.equal(
        pieces.flatMap(piece => reader.push(piece)),
        expected,
      );
    }
  }
});

codec('an unfinished line waits, however bytes above ASCII are cut', () => {
  const reader = new LineReader();
  assert.equal(reader.push(Uint8Array.of(0xc3)), []);
  assert.equal(reader.push(Uint8Array.of(0xa9, 0x0a)), ['\u00c3\u00a9']);
});

codec('a line without end is an error, not memory', () => {
  const reader = new LineReader();
  reader.push(new Uint8Array(MAX_LINE).fill(0x78));
  assert.throws(() => reader.push(bytes('x')), is('LAUNCHER'));
});

codec.run();
