/** What README and docs point to is there: files that they name, and links. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const root = fileURLToPath(new URL('..', import.meta.url));
const pages = globSync(['*.md', 'docs/*.md', 'docs/jobs/*.md', 'bench/*.md'], { cwd: root });
/** Directories of the project whose files are named by their path from the root. */
const ROOMS = 'bench|docs|packaging|src|starter|test|tools|wasm';
const PATH = new RegExp(`\`((?:${ROOMS})/[\\w./*-]+)\``, 'g');
/** Made by the build, so not there in a fresh clone. */
const BUILT = /constants\.ts$|\.py\.ts$/;

const docs = suite('docs');

docs('files that are named by their path exist', () => {
  const missing: string[] = [];
  for (const page of pages) {
    const text = readFileSync(join(root, page), 'utf8');
    for (const [, path] of text.matchAll(PATH)) {
      if (BUILT.test(path!)) continue;
      const there = path!.includes('*')
        ? globSync(path!, { cwd: root }).length > 0
        : existsSync(join(root, path!));
      if (!there) missing.push(`${page}: ${path}`);
    }
  }
  assert.equal(missing, []);
});

docs('links lead somewhere', () => {
  const dead: string[] = [];
  for (const page of pages) {
    const text = readFileSync(join(root, page), 'utf8');
    for (const [, target] of text.matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)/g)) {
      if (!existsSync(join(root, dirname(page), target!))) dead.push(`${page}: ${target}`);
    }
  }
  assert.equal(dead, []);
});

docs.run();
