/** The rules of CONTRIBUTING.md that a machine can check. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const root = fileURLToPath(new URL('..', import.meta.url));
const sources = globSync('src/**/*.ts', { cwd: root })
  .filter(file => file !== 'src/engine/constants.ts' && !file.endsWith('.py.ts'))
  .map(file => ({ file, text: readFileSync(join(root, file), 'utf8') }));

/** Wing of a file: its directory under src, `launch` for the launch, `leaf` for the leaves. */
function wingOf(file: string): string {
  const [, first, second] = file.split('/');
  if (second !== undefined) return first!;
  return first === 'launch.ts' ? 'launch' : 'leaf';
}

/** What each wing may import, besides itself and the leaves. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  cli: ['launch', 'bundle', 'exec', 'pmi'],
  launch: ['pmi', 'net', 'engine', 'stage', 'exec'],
  tar: [],
  net: ['engine'],
  pmi: [],
  engine: [],
  stage: ['tar'],
  exec: [],
  bundle: ['tar'],
};

/** The one owner of each dangerous thing: a pattern, and where it may stand. */
const OWNERS: readonly { what: string; pattern: RegExp; owners: readonly string[] }[] = [
  { what: 'the environment', pattern: /\bprocess\.env\b/, owners: ['src/cli/'] },
  {
    what: 'the end of the process',
    pattern: /\bprocess\.(exit|abort|reallyExit)\b/,
    owners: ['src/cli/'],
  },
  { what: 'timers', pattern: /\bset(Timeout|Interval)\b|node:timers/, owners: ['src/deadline.ts'] },
  {
    what: 'sockets',
    pattern: /node:(net|tls|dgram|http)/,
    owners: ['src/net/', 'src/pmi/channel.ts', 'src/pmi/pmix/socket.ts'],
  },
  { what: 'child processes', pattern: /node:(child_process|cluster)/, owners: ['src/exec/'] },
  { what: 'tar', pattern: /from 'tar['/]|import\('tar['/]/, owners: ['src/tar/'] },
  { what: 'commander', pattern: /from 'commander'|import\('commander'\)/, owners: ['src/cli/'] },
  { what: 'WebAssembly', pattern: /\bWebAssembly\b/, owners: ['src/engine/'] },
];

function importsOf(text: string): string[] {
  return [...text.matchAll(/(?:from|import\()\s*'([^']+)'/g)].map(match => match[1]!);
}

const house = suite('house');

house('imports run one way', () => {
  const wrong: string[] = [];
  for (const { file, text } of sources) {
    const wing = wingOf(file);
    for (const target of importsOf(text).filter(name => name.startsWith('.'))) {
      const imported = normalize(join(dirname(file), target));
      if (!imported.startsWith('src/')) continue;
      const other = wingOf(imported);
      const allowed =
        other === wing || other === 'leaf' || (MAY_IMPORT[wing] ?? []).includes(other);
      if (!allowed || (wing === 'leaf' && file !== imported && !/errors\.ts$/.test(imported))) {
        wrong.push(`${file} -> ${imported}`);
      }
    }
  }
  assert.equal(wrong, []);
});

for (const { what, pattern, owners } of OWNERS) {
  house(`${what}: one owner`, () => {
    const users = sources
      .filter(({ text }) => pattern.test(text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')))
      .map(({ file }) => file)
      .filter(file => !owners.some(owner => file.startsWith(owner)));
    assert.equal(users, []);
  });
}

house('codecs are pure', () => {
  const impure = sources
    .filter(({ file }) => file.endsWith('/codec.ts'))
    .filter(({ text }) => importsOf(text).some(name => name.startsWith('node:')));
  assert.equal(
    impure.map(({ file }) => file),
    [],
  );
});

house('no drawers, and every file says what it is for', () => {
  const drawers = sources.filter(({ file }) => /util|helper|common|manager|misc/i.test(file));
  assert.equal(
    drawers.map(({ file }) => file),
    [],
  );
  const silent = sources.filter(({ text }) => !/^(#!.*\n)?\/\*\*/.test(text));
  assert.equal(
    silent.map(({ file }) => file),
    [],
  );
});

house('every suite runs', () => {
  const mute = globSync('test/**/*.test.ts', { cwd: root }).filter(file => {
    const text = readFileSync(join(root, file), 'utf8');
    const suites = (text.match(/\bsuite(<[^>]*>)?\(/g) ?? []).length;
    const runs = (text.match(/\.run\(\)/g) ?? []).length;
    return suites === 0 || runs < suites;
  });
  assert.equal(mute, []);
});

house.run();
