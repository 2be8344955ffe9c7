/** Installs that are only a pointer to somewhere else, as the build backends write them. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { scratch } from '../support/scratch.ts';
import { bundle, files, lookups, packaged, sitePackages, venv } from './support.ts';

const editables = suite('editable installs');

editables('editable installs become their files', async () => {
  const project = files(join(scratch(), 'project'), {
    'src/lay/__init__.py': 'N = "src layout"\n',
    'src/lay/data.txt': 'x',
    'flat/__init__.py': 'N = "flat layout"\n',
    'flat/.git/config': 'x',
    'single.py': 'N = "module"\n',
    'old/legacy/__init__.py': 'N = "setup.py develop"\n',
    'old/setup.py': '',
    'old/legacy.egg-info/PKG-INFO': 'Name: legacy\n',
    'old/docs/index.rst': '',
  });
  const { root, site } = venv();
  files(site, {
    '__editable__.lay-1.pth': `${project}/src`,
    '__editable__.flat-1.pth':
      'import __editable___flat_1_finder; __editable___flat_1_finder.install()',
    '__editable___flat_1_finder.py': `MAPPING: dict[str, str] = {'flat': '${project}/flat', 'single': '${project}/single'}\nNAMESPACES = {}\n`,
    'easy-install.pth': `${project}/old\n`,
    'legacy.egg-link': `${project}/old\n.`,
    'kept.pth': 'import sys; sys.kept = True\n',
    'inside.pth': `${site}/more\n`,
    'more/extra.py': 'N = "path line"\n',
    'gone.pth': '/nowhere/at/all\n',
  });
  const { prefix, stderr } = await packaged(['--venv', root]);
  const { stdout, paths } = lookups(
    prefix,
    [
      '-c',
      'import sys, lay, flat, single, legacy, extra; print([m.N for m in (lay, flat, single, legacy, extra)], sys.kept)',
    ],
    [project, root, '/nowhere'],
  );
  assert.is(
    stdout.trim(),
    "['src layout', 'flat layout', 'module', 'setup.py develop', 'path line'] True",
  );
  assert.equal(paths, []);
  const names = readdirSync(sitePackages(prefix));
  for (const name of ['__editable___flat_1_finder.py', 'legacy.egg-link', 'setup.py', 'docs'])
    assert.not(names.includes(name), name);
  assert.match(stderr, '/nowhere/at/all');
});

editables('editable installs of hatchling and pdm become their files', async () => {
  const project = files(join(scratch(), "pro'ject"), {
    'exact/__init__.py': 'N = "package"\n',
    'exact/sub/x.py': '',
    'single.py': 'N = "module"\n',
    'ns/inner/__init__.py': 'N = "in a namespace"\n',
  });
  const { root, site } = venv();
  const map = (name: string, path: string) => `F.map_module('${name}', "${project}/${path}")\n`;
  const head = 'from editables.redirector import RedirectingFinder as F\nF.install()\n';
  files(site, {
    '_editable_impl_exact.pth': 'import _editable_impl_exact',
    '_editable_impl_exact.py': `${head}${map('exact', 'exact/__init__.py')}`,
    '_other.pth': 'import _other\n',
    '_other.py': `${head}${map('single', 'single.py')}${map('ns.inner', 'ns/inner/__init__.py')}`,
    'plain.pth': 'import plain\n',
    'plain.py': 'N = 1\n',
  });
  const { prefix } = await packaged(['--venv', root]);
  const code =
    'import exact, exact.sub.x, single, ns.inner as inner; print([m.N for m in (exact, single, inner)])';
  const { stdout, paths } = lookups(prefix, ['-c', code], [project, root]);
  assert.is(stdout.trim(), "['package', 'module', 'in a namespace']");
  assert.equal(paths, []);
  const names = readdirSync(sitePackages(prefix)).filter(name => !name.startsWith('__py'));
  assert.equal(names.sort(), ['exact', 'ns', 'plain.pth', 'plain.py', 'single.py']);
});

editables('an editable install that builds on import is refused by name', () => {
  const { root, site } = venv();
  files(site, {
    'thing-editable.pth': 'import _thing_editable_loader\n',
    '_thing_editable_loader.py': 'def install(*args): pass\n',
  });
  const { status, stderr } = bundle(['-o', join(scratch(), 'x.tar'), '--venv', root]);
  assert.is(status, 66);
  assert.match(stderr, 'thing-editable.pth');
});

editables.run();
