/** The rules of CONTRIBUTING.md that a machine can check. */
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';
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
    pattern: /\bprocess\.(exit|exitCode|abort|reallyExit)\b/,
    owners: [],
  },
  {
    what: 'Node’s standard streams',
    pattern: /\bprocess\.std(out|err|in)\b|\bconsole\./,
    owners: [],
  },
  { what: 'timers', pattern: /\bset(Timeout|Interval)\b|node:timers/, owners: ['src/deadline.ts'] },
  {
    what: 'sockets',
    pattern: /node:(net|tls|dgram|http)/,
    owners: ['src/net/', 'src/pmi/channel.ts', 'src/exec/starter.ts'],
  },
  { what: 'child processes', pattern: /node:(child_process|cluster)/, owners: ['src/exec/'] },
  { what: 'tar', pattern: /from 'tar['/]|import\('tar['/]/, owners: ['src/tar/'] },
  { what: 'commander', pattern: /from 'commander'|import\('commander'\)/, owners: ['src/cli/'] },
  { what: 'WebAssembly', pattern: /\bWebAssembly\b/, owners: ['src/engine/'] },
];

/** What a source imports, types included. */
function importsOf(text: string): string[] {
  return [...text.matchAll(/(?:from|import\(|^import)\s*'([^']+)'/gm)].map(match => match[1]!);
}

/** The files of ours that a source imports. */
function oursOf({ file, text }: { file: string; text: string }): string[] {
  return importsOf(text)
    .filter(name => name.startsWith('.'))
    .map(name => normalize(join(dirname(file), name)))
    .filter(imported => imported.startsWith('src/'));
}

/**
 * Groups of nodes of a directed graph that can all reach one another (Tarjan), each of two or more.
 */
function circlesOf(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const open: string[] = [];
  const circles: string[][] = [];
  const visit = (node: string): void => {
    order.set(node, order.size);
    lowest.set(node, order.get(node)!);
    open.push(node);
    for (const next of graph.get(node) ?? []) {
      if (!order.has(next)) visit(next);
      if (open.includes(next)) {
        lowest.set(node, Math.min(lowest.get(node)!, lowest.get(next)!));
      }
    }
    if (lowest.get(node) !== order.get(node)) return;
    const group = open.splice(open.indexOf(node));
    if (group.length > 1) circles.push(group.sort());
  };
  for (const node of graph.keys()) if (!order.has(node)) visit(node);
  return circles;
}

/** What no comment says, since it leaves open which peer, rank, node, process or user it means. */
const VAGUE = /\b([Ww]hoever|[Ss]omebody|[Nn]obody)\b/g;
/** Lines that a file of code may have. */
const LINES = 400;

/** Files that git tracks, or undefined where this is no clone. */
function tracked(...args: string[]): string[] | undefined {
  // The clone may belong to another user.
  const git = ['-c', 'safe.directory=*', '-c', 'core.quotePath=false', 'ls-files', '-z', ...args];
  const { status, stdout } = spawnSync('git', git, { cwd: root, encoding: 'utf8' });
  return status === 0 ? stdout.split('\0').filter(Boolean) : undefined;
}

/** Where the code is, with what is no code in it. */
const CODE = /^(src|test|bench|tools|wasm|bin)\//;
const DATA = /^test\/(fixtures|native\/corpus)\/|\.(md|json|txt|svg)$/;
/** What a build, a profiler, an editor or a run leaves behind. */
const STRAY =
  /(^|\/)(node_modules|dist|build|__pycache__|\.venv|core(\.\d+)?|perf\.data.*|nohup\.out)(\/|$)|(^|\/)isolate-|\.(log|cpuprofile|heapprofile|heapsnapshot|profraw|profdata|gcda|gcno|o|a|so|wasm|pyc|tgz|whl|tmp|orig|rej|swp)$|~$/;

const house = suite('house');

house('imports run one way', () => {
  const wrong: string[] = [];
  for (const { file, text } of sources) {
    const wing = wingOf(file);
    for (const imported of oursOf({ file, text })) {
      const other = wingOf(imported);
      const allowed =
        other === wing || other === 'leaf' || (MAY_IMPORT[wing] ?? []).includes(other);
      if (
        !allowed ||
        (wing === 'leaf' && file !== imported && !/(errors|output)\.ts$/.test(imported))
      ) {
        wrong.push(`${file} -> ${imported}`);
      }
    }
  }
  assert.equal(wrong, []);
});

house('no imports go in circles, types included', () => {
  assert.equal(circlesOf(new Map(sources.map(source => [source.file, oursOf(source)]))), []);
});

house('the modules of the engine do not include one another in circles', () => {
  const parts = globSync('wasm/**/*.{c,h}', { cwd: root }).map(file => {
    const text = readFileSync(join(root, file), 'utf8');
    const included = [...text.matchAll(/^#include "([^"]+)"/gm)].map(match => match[1]!);
    return { module: basename(file).replace(/\.[ch]$/, ''), included };
  });
  const graph = new Map<string, string[]>();
  for (const { module, included } of parts) {
    const others = included
      .map(name => basename(name).replace(/\.h$/, ''))
      .filter(other => other !== module);
    graph.set(module, [...(graph.get(module) ?? []), ...others]);
  }
  assert.equal(circlesOf(graph), []);
});

for (const { what, pattern, owners } of OWNERS) {
  house(`${what}: one owner`, () => {
    const users = sources
      .filter(({ text }) => pattern.test(text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')))
      .map(({ file }) => file);
    const others = users.filter(file => !owners.some(owner => file.startsWith(owner)));
    assert.equal(others, []);
    const idle = owners.filter(owner => !users.some(file => file.startsWith(owner)));
    assert.equal(idle, [], 'owners that are not there, or do not use it');
  });
}

house('git tracks nothing that was built, measured or left behind', () => {
  const strays = tracked()?.filter(file => STRAY.test(file));
  assert.equal(strays ?? [], []);
  assert.equal(tracked('--cached', '--ignored', '--exclude-standard') ?? [], []);
});

house(`no file of code has more than ${LINES} lines`, () => {
  const files =
    tracked() ?? globSync('{src,test,bench,tools,wasm}/**/*.{ts,c,h,py,sh}', { cwd: root });
  const long = files
    .filter(file => CODE.test(file) && !DATA.test(file) && existsSync(join(root, file)))
    .map(file => ({ file, lines: readFileSync(join(root, file), 'latin1').split('\n').length - 1 }))
    .filter(({ lines }) => lines > LINES);
  assert.equal(long, []);
});

house('comments speak of peers, ranks, nodes and the like, and of what they do', () => {
  const files =
    tracked() ?? globSync('{src,test,bench,tools,wasm}/**/*.{ts,c,h,py,sh}', { cwd: root });
  const vague = files
    .filter(file => CODE.test(file) && !DATA.test(file) && existsSync(join(root, file)))
    .flatMap(file => {
      const text = readFileSync(join(root, file), 'utf8');
      const comment = /\.(ts|js|c|h)$/.test(file)
        ? /\/\*[\s\S]*?\*\/|(?<![:\w])\/\/.*$/gm
        : /(?<=^|\s)#.*$/gm;
      const words = [...text.matchAll(comment)].flatMap(([said]) => said.match(VAGUE) ?? []);
      return words.length > 0 ? [`${file}: ${words.join(', ')}`] : [];
    });
  assert.equal(vague, []);
});

house('tests stand where their sources stand', () => {
  /** Tests of the whole, and what tests are made of. */
  const OF_THE_WHOLE = /^test\/(cluster|fixtures|hostile|load|native|soak|support)\//;
  const suites = globSync('test/**/*.test.ts', { cwd: root }).filter(
    file => !OF_THE_WHOLE.test(file),
  );
  const astray = suites.filter(file => {
    const there = [dirname(file).replace(/^test/, 'src'), dirname(file).replace(/^test\//, '')];
    return !there.some(place =>
      statSync(join(root, place), { throwIfNoEntry: false })?.isDirectory(),
    );
  });
  assert.equal(astray, []);
});

house('paths of files are not taken from URLs, which escape them', () => {
  const files = globSync('{src,test,bench,tools}/**/*.ts', { cwd: root });
  const escaped = files.filter(file =>
    /import\.meta\.url\)\s*\.(pathname|href)/.test(readFileSync(join(root, file), 'utf8')),
  );
  assert.equal(escaped, []);
});

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

house('make help lists every target that is to be called', () => {
  const help = spawnSync('make', ['--no-print-directory', 'help'], { cwd: root, encoding: 'utf8' });
  const listed = new Set(
    help.stdout.split('\n').flatMap(line => line.slice(7, 27).split(' ').filter(Boolean)),
  );
  const files = ['Makefile', ...globSync('test/**/*.mk', { cwd: root })];
  const phony = files.flatMap(file =>
    [...readFileSync(join(root, file), 'utf8').matchAll(/^\.PHONY:(.*)$/gm)].flatMap(match =>
      match[1]!.trim().split(/\s+/),
    ),
  );
  assert.ok(phony.includes('build') && phony.includes('cluster-up'));
  assert.equal(
    phony.filter(target => !listed.has(target)),
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
