import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Relocated, relocate } from '../../src/bundle/relocate.ts';
import type { FileEntry } from '../../src/bundle/tree.ts';
import { isElf, readDynamic, withSearchPath } from '../../src/elf.ts';
import { scratch } from '../support/scratch.ts';
import { command, files, must, PYTHON } from './support.ts';

const OLD = '/home/me/env';

function moved(path: string, content: string | Buffer, from = OLD): Relocated & { text: string } {
  const entry: FileEntry = {
    kind: 'file',
    path,
    layer: { label: 'test', origins: [{ from, at: '' }] },
    executable: true,
    content: '',
  };
  const result = relocate(entry, Buffer.from(content));
  return { ...result, text: result.content.toString() };
}

const relocation = suite('relocate');

relocation('a script runs the python3 beside it, with its options and arguments', () => {
  const prefix = scratch();
  const { text, leftover } = moved(
    'bin/tool',
    `#!${OLD}/bin/python3.11 -E\nimport sys\nprint(sys.argv[1:], sys.flags.ignore_environment)\n`,
  );
  assert.is(leftover, undefined);
  files(prefix, { 'bin/tool': text, 'bin/python3': `#!/bin/sh\nexec ${PYTHON} "$@"\n` });
  const ran = command(join(prefix, 'bin/tool'), ['a b', "c'd"]);
  assert.is(ran.stdout, `['a b', "c'd"] 1\n`);
  assert.is(
    command('tool', ['x'], { env: { PATH: `${prefix}/bin:/usr/bin:/bin` } }).stdout,
    "['x'] 1\n",
  );
});

relocation('without one beside it, the python3 of PATH', () => {
  const prefix = files(scratch(), {
    'bin/tool': moved('bin/tool', `#!${OLD}/bin/python\nprint(1)\n`).text,
  });
  assert.is(
    command(join(prefix, 'bin/tool'), [], { env: { PATH: '/usr/bin:/bin' } }).stdout,
    '1\n',
  );
});

relocation('a script outside bin finds the interpreter too', () => {
  const { text } = moved('libexec/x/tool', `#!${OLD}/bin/python\nprint(1)\n`);
  assert.match(text, '$(dirname -- "$0")/../../bin/python3');
});

relocation('the wrapper that pip writes for long paths is relocated afterwards', () => {
  const wrapped = `#!/bin/sh\n'''exec' "${OLD}/bin/python" "$0" "$@"\n' '''\nprint(1)\n`;
  assert.is(
    moved('bin/tool', wrapped).text,
    moved('bin/tool', `#!${OLD}/bin/python\nprint(1)\n`).text,
  );
});

relocation('what uv, distlib and setuptools write for paths with blanks or quotes, too', () => {
  const expected = moved('bin/tool', `#!${OLD}/bin/python\nprint(1)\n`).text;
  for (const [from, word] of [
    ['/sp ace/v', `'/sp ace/v/bin/python'`],
    ['/sp ace/v', `"/sp ace/v/bin/python3"`],
    ["/it's/v", `'/it'"'"'s/v/bin/python'`],
    [OLD, `'${OLD}/bin/python3.13t'`],
  ] as const) {
    const wrapped = `#!/bin/sh\n'''exec' ${word} "$0" "$@"\n' '''\nprint(1)\n`;
    const { text, leftover } = moved('bin/tool', wrapped, from);
    assert.is(text, expected, word);
    assert.is(leftover, undefined);
  }
  const direct = `#!"/sp ace/v/bin/python"\nprint(1)\n`;
  assert.is(moved('bin/tool', direct, '/sp ace/v').text, expected);
});

relocation('docstrings, encodings, __future__ and line numbers stay what they were', () => {
  const prefix = scratch();
  const scripts: Record<string, readonly [body: string, said: string]> = {
    documented: ['"""Usage: x"""\nprint(__doc__)\n', 'Usage: x'],
    encoded: ['# -*- coding: latin-1 -*-\nprint(ascii("caf\xe9"))\n', "'caf\\xe9'"],
    future: [
      '"""x"""\nfrom __future__ import annotations\nprint(annotations.compiler_flag > 0)\n',
      'True',
    ],
    line: ['import sys; print(sys._getframe().f_lineno)\n', '2'],
  };
  for (const [name, [body, said]] of Object.entries(scripts)) {
    const script = Buffer.from(`#!${OLD}/bin/python -E\n${body}`, 'latin1');
    files(prefix, { [`bin/${name}`]: moved(`bin/${name}`, script).content });
    const ran = command(join(prefix, 'bin', name), [], { env: { PATH: '/usr/bin:/bin' } });
    assert.is(ran.stdout.trim(), said, `${name}: ${ran.stderr}`);
  }
});

relocation('a prefix that is not ASCII is one as well', () => {
  const from = '/home/jürgen/env';
  const { text, leftover } = moved('bin/x', `#!${from}/bin/python\nprint("ü")\n`, from);
  assert.is(text, moved('bin/x', `#!${OLD}/bin/python\nprint("ü")\n`).text);
  assert.is(leftover, undefined);
  assert.equal(moved('etc/x', `${from}/y`, from).leftover, { kind: 'text' });
});

relocation('other interpreters are looked up in PATH', () => {
  assert.is(moved('bin/x', `#!${OLD}/bin/perl\n1;\n`).text, '#!/usr/bin/env perl\n1;\n');
  assert.is(moved('bin/x', `#! ${OLD}/bin/perl -w\n1;\n`).text, '#!/usr/bin/env -S perl -w\n1;\n');
});

relocation('what does not hold the old location stays byte for byte', () => {
  for (const text of [
    '#!/usr/bin/python3\n',
    `#!${OLD}2/bin/python\n`,
    `x = "${OLD}.bak"\n`,
    'caf\xe9',
  ]) {
    const content = Buffer.from(text, 'latin1');
    const result = moved('bin/x', content);
    assert.equal(result.content, content, text);
    assert.is(result.leftover, undefined, text);
  }
});

relocation('bytes that are no UTF-8 survive next to a change', () => {
  const content = Buffer.concat([
    Buffer.from(`#!${OLD}/bin/perl\n`),
    Buffer.from([0xe9, 0xff, 0x0a]),
  ]);
  assert.equal(moved('bin/x', content).content.subarray(-3), Buffer.from([0xe9, 0xff, 0x0a]));
});

relocation('sysconfig follows sys.prefix', () => {
  const { text, leftover } = moved(
    'lib/python3.11/_sysconfigdata__linux.py',
    `build_time_vars = {'LIBDIR': '${OLD}/lib', 'N': 1, 'CC': 'gcc -I${OLD}/include'}\n`,
  );
  assert.is(leftover, undefined);
  const module = files(scratch(), {
    'x.py': `${text}\nimport sys\nprint([v.replace(sys.prefix, 'P') if isinstance(v, str) else v for v in build_time_vars.values()])\n`,
  });
  assert.is(must(PYTHON, [join(module, 'x.py')]), "['P/lib', 1, 'gcc -IP/include']\n");
});

relocation('pkg-config files are relative to themselves', () => {
  const { text, leftover } = moved('lib/pkgconfig/x.pc', `prefix=${OLD}\nlibdir=${OLD}/lib\n`);
  assert.is(text, 'prefix=$D/../..\nlibdir=$D/../../lib\n'.replaceAll('$D', '$' + '{pcfiledir}'));
  assert.is(leftover, undefined);
});

relocation('text and data that cannot be helped stay, and are reported', () => {
  assert.equal(moved('etc/x.conf', `dir ${OLD}/share\n`).leftover, { kind: 'text' });
  const data = Buffer.from(`\0\x01${OLD}/share\0\0`);
  const result = moved('lib/x.dat', data);
  assert.equal(result.leftover, { kind: 'data' });
  assert.equal(result.content, data);
});

relocation("package managers' notes are of no consequence", () => {
  assert.is(
    moved('lib/python3.11/site-packages/x-1.dist-info/direct_url.json', OLD).leftover,
    undefined,
  );
  assert.is(moved('conda-meta/x.json', OLD).leftover, undefined);
});

/** A library with a search path, one that it needs, and a program that uses both, below `root`. */
function linked(root: string, flag: string): { program: string; library: string } {
  files(root, {
    'src/inner.c': 'int inner(void) { return 42; }\n',
    'src/outer.c': 'int inner(void); int outer(void) { return inner(); }\n',
    'src/main.c': 'int outer(void); int main(void) { return outer(); }\n',
  });
  for (const name of ['lib', 'lib/deep', 'bin']) mkdirSync(join(root, name), { recursive: true });
  const cc = (...args: string[]) => must('clang', args, { cwd: root });
  cc('-shared', '-fPIC', '-o', 'lib/deep/libinner.so', 'src/inner.c');
  cc(
    '-shared',
    '-fPIC',
    '-o',
    'lib/libouter.so',
    'src/outer.c',
    '-Llib/deep',
    '-linner',
    `-Wl,${flag},-rpath,${root}/lib/deep`,
  );
  cc(
    '-o',
    'bin/main',
    'src/main.c',
    '-Llib',
    '-louter',
    `-Wl,${flag},-rpath,${root}/lib`,
    '-Wl,-rpath-link,lib/deep',
  );
  return { program: 'bin/main', library: 'lib/libouter.so' };
}

for (const flag of ['--enable-new-dtags', '--disable-new-dtags']) {
  relocation(`absolute search paths become relative to the file (${flag})`, () => {
    const old = join(scratch(), 'a-prefix-that-is-long-enough-for-what-replaces-it');
    const { program, library } = linked(old, flag);
    for (const path of [program, library]) {
      const { content, leftover } = moved(path, readFileSync(join(old, path)), old);
      assert.is(leftover, undefined, path);
      writeFileSync(join(old, path), content);
      chmodSync(join(old, path), 0o755);
    }
    const there = join(scratch(), 'there');
    renameSync(old, there);
    assert.is(command(join(there, program), []).status, 42);
  });
}

relocation(
  'a search path that is too short to hold the new one is reported by its directory',
  () => {
    const root = scratch();
    files(root, { 'x.c': 'int x(void) { return 1; }\n' });
    must('clang', ['-shared', '-fPIC', '-o', 'x.so', 'x.c', '-Wl,-rpath,/o/lib'], { cwd: root });
    const result = moved('lib/a/b/c/x.so', readFileSync(join(root, 'x.so')), '/o');
    assert.equal(result.leftover, { kind: 'search path', directories: ['/o/lib'] });
  },
);

relocation('a damaged ELF file is not understood, and never more than that', () => {
  const root = scratch();
  files(root, { 'x.c': 'int x(void) { return 1; }\n' });
  must('clang', ['-shared', '-fPIC', '-o', 'x.so', 'x.c', '-Wl,-rpath,/opt/somewhere/lib'], {
    cwd: root,
  });
  const whole = readFileSync(join(root, 'x.so'));
  const [path] = readDynamic(whole)!.searchPaths;
  assert.is(path!.value, '/opt/somewhere/lib');
  assert.is(
    readDynamic(withSearchPath(whole, path!, '$ORIGIN')!)!.searchPaths[0]!.value,
    '$ORIGIN',
  );
  assert.is(withSearchPath(whole, path!, `${path!.value}x`), undefined);
  for (let length = 0; length < 4096; length += 7) readDynamic(whole.subarray(0, length));
  for (let at = 0; at < 1024; at++) {
    const damaged = Buffer.from(whole);
    damaged[at] = damaged[at]! ^ 0xff;
    readDynamic(damaged);
  }
  assert.not(isElf(Buffer.from(dirname(root))));
});

relocation.run();
