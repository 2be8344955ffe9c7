/**
 * Environments as people have them, packed by python-mpi-bundle, on nodes under Hydra. One for
 * science, in five packages: its libraries work together, numpy passes its own tests, and Python
 * never looks where the packages were made from. And a virtual one with a project that is being
 * worked on.
 */
import { writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bundle, files, scienceWheels, venv } from '../bundle/support.ts';
import { sciencePackages } from '../support/science-packages.ts';
import { scratch } from '../support/scratch.ts';
import { readTrace } from '../support/traced.ts';
import { PROJECT, whyNoCluster, withCluster } from './cluster.ts';

const bundles = suite('packages from python-mpi-bundle');
const reason = whyNoCluster();
const test = reason === undefined ? bundles : bundles.skip;
if (reason !== undefined) console.log(`skipped: ${reason}`);

const PYTHON_MPI = `${PROJECT}/bin/python-mpi`;
const FIVE = ['matplotlib', 'mpi4py', 'numpy', 'python', 'scipy'];

/** What a job script sets, for packages of these names. */
function jobEnvironment(names: readonly string[]): NodeJS.ProcessEnv {
  return {
    PYTHON_MPI_CHROOT: '/dev/shm',
    PYTHON_MPI_PKGROOT: sciencePackages(),
    PYTHON_MPI_PACKAGES: names.map(name => `${name}.tar.gz`).join(':'),
    MPI4PY_MPIABI: 'mpich',
  };
}

const SCRIPT = `
import os, sys
import matplotlib, numpy.fft, scipy.interpolate
from mpi4py import MPI
matplotlib.use("Agg")
import matplotlib.pyplot as plot

world = MPI.COMM_WORLD
spectrum = numpy.fft.fft([1, 0]).real.sum()
half = float(scipy.interpolate.interp1d([0, 1], [0, 2])(0.5))
figure = plot.figure()
figure.add_subplot().plot([1, 2])
figure.canvas.draw()
drawn = int(numpy.asarray(figure.canvas.buffer_rgba()).min() < 255)
staged = all(module.__file__.startswith(sys.prefix) for module in (os, matplotlib, numpy, scipy, MPI))
node_local = sys.prefix.startswith("/dev/shm/")
line = f"{world.allreduce(world.rank)} {spectrum} {half} {drawn} {staged} {node_local}\\n"
os.write(1, line.encode())
`;

test('numpy, scipy, matplotlib and mpi4py work together on every rank', () =>
  withCluster(4, async cluster => {
    const script = `${cluster.shared}/script.py`;
    writeFileSync(script, SCRIPT);
    const { status, stdout, stderr } = await cluster.run(
      'hydra',
      ['-n', '8', '-ppn', '2', PYTHON_MPI, script],
      { env: jobEnvironment(FIVE), timeoutMs: 360_000 },
    );
    assert.is(status, 0, stderr);
    assert.equal(stdout, '28 2.0 1.0 1 True True\n'.repeat(8));
    assert.is(stderr, '');
    assert.equal(await cluster.leftovers(), []);
  }));

/** Absolute paths that a traced rank looked up, found or not. */
function lookups(trace: string): string[] {
  return [...readTrace(trace).matchAll(/"(\/[^"]*)"/g)].map(match => match[1]!);
}

/** What the packages were made from: the machine's Python, whichever version it is, and wheels. */
const isSource = (path: string) =>
  /^\/usr\/(local\/)?(bin|lib)\/python3/.test(path) || path.startsWith(scienceWheels());

test("numpy passes tests of its own from the prefix, and nobody looks at the packages' sources", () =>
  withCluster(2, async cluster => {
    const strace = 'exec strace -f -qq --seccomp-bpf -e trace=%file -o trace-$PMI_RANK "$@"';
    const numpyTests = ['numpy.fft', 'numpy.lib.tests.test_index_tricks'];
    const pytest = ['-m', 'pytest', '-q', '-p', 'no:cacheprovider', '--pyargs', ...numpyTests];
    const { status, stdout, stderr } = await cluster.run(
      'hydra',
      ['-n', '2', '-ppn', '1', 'sh', '-c', strace, 'sh', PYTHON_MPI, ...pytest],
      { env: jobEnvironment([...FIVE, 'testing']), timeoutMs: 360_000 },
    );
    assert.is(status, 0, stdout + stderr);
    assert.is(stdout.match(/\d+ passed/g)?.length, 2, stdout);
    const [root, other] = ['0', '1'].map(rank => lookups(`${cluster.shared}/trace-${rank}`));
    for (const paths of [root!, other!]) {
      assert.ok(paths.some(path => /^\/dev\/shm\/.*\/numpy\/fft\/__init__.py$/.test(path)));
      assert.equal(paths.filter(isSource), []);
    }
    // The packages themselves are read on the root's node only.
    const isPackage = (path: string) => path.startsWith(sciencePackages());
    assert.is.not(root!.filter(isPackage).length, 0);
    assert.equal(other!.filter(isPackage), []);
    assert.equal(await cluster.leftovers(), []);
  }));

const EDITED = `
import os, subprocess
import installed, project
greeting = subprocess.check_output(["greet"], text=True).strip()
staged = project.__file__.startswith("/dev/shm/")
os.write(1, f"{installed.N} {project.N} {greeting} {staged}\\n".encode())
`;

// Each node has a /tmp of its own, so there is nothing where environment and project were.
test('a virtual environment with an editable project works on nodes that have neither', () =>
  withCluster(2, async cluster => {
    const sources = files(scratch(), { 'src/project/__init__.py': 'N = 2\n' });
    const { root, site } = venv();
    files(root, {
      'bin/greet': `#!${root}/bin/python\nimport project\nprint("hello", project.N)\n`,
    });
    files(site, { 'installed.py': 'N = 1\n', '__editable__.project-1.pth': `${sources}/src` });
    const pack = `${cluster.shared}/env.tar.zst`;
    const made = bundle(['-o', pack, '--venv', root, '--with-base']);
    assert.is(made.status, 0, made.stderr);

    const script = `${cluster.shared}/script.py`;
    writeFileSync(script, EDITED);
    const { status, stdout, stderr } = await cluster.run('hydra', [
      '-n',
      '4',
      '-ppn',
      '2',
      PYTHON_MPI,
      '--packages',
      pack,
      script,
    ]);
    assert.is(status, 0, stderr);
    assert.equal(stdout, '1 2 hello 2 True\n'.repeat(4));
    assert.is(stderr, '');
    assert.equal(await cluster.leftovers(), []);
  }));

bundles.run();
