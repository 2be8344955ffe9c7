/** What Python is asked to run, from its words. */
import { execFileSync } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readWords } from '../../src/launch/python-words.ts';

const words = suite('launch/python-words');

const script = (file: string) => ({ kind: 'script', file });
const code = (text: string) => ({ kind: 'code', code: text });

for (const [given, program, options] of [
  [[], { kind: 'input' }, []],
  [['-'], { kind: 'input' }, []],
  [['x.py', '-c', 'no'], script('x.py'), []],
  [['-X', 'dev', '-W', 'ignore', 's.py'], script('s.py'), ['-X', 'dev', '-W', 'ignore']],
  [['-Xdev', '-Wignore', 's.py'], script('s.py'), ['-Xdev', '-Wignore']],
  [['-BW', 'ignore', 's.py'], script('s.py'), ['-BW', 'ignore']],
  [['-c', 'print(1)', 'a'], code('print(1)'), []],
  [['-cprint(1)', 'a'], code('print(1)'), []],
  [['-Ic', 'print(1)'], code('print(1)'), ['-I']],
  [['-m', 'json.tool', 'x'], { kind: 'module', name: 'json.tool' }, []],
  [['-umjson.tool'], { kind: 'module', name: 'json.tool' }, ['-u']],
  [
    ['--check-hash-based-pycs', 'never', 'x.py'],
    script('x.py'),
    ['--check-hash-based-pycs', 'never'],
  ],
  [['-u', '--', '-x.py'], script('-x.py'), ['-u']],
  [['-V'], { kind: 'input' }, ['-V']],
] as const) {
  words(JSON.stringify(given), () => {
    assert.equal(readWords(given), { program, options });
  });
}

words('as Python reads them', () => {
  const out = execFileSync(
    '/usr/bin/python3',
    ['-BWignore', '-Xdev', '-sc', 'import sys; print(sys.argv[1:])', '-c', 'x'],
    { encoding: 'utf8' },
  );
  assert.is(out, "['-c', 'x']\n");
  const read = readWords(['-BWignore', '-Xdev', '-sc', 'import sys', '-c', 'x']);
  assert.equal(read.program, code('import sys'));
});

words.run();
