/**
 * PMIx against the environment that servers leave and, where there is one, against a real Open MPI.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Deadline } from '../../../src/deadline.ts';
import { PythonMpiError } from '../../../src/errors.ts';
import { silent } from '../../../src/log.ts';
import { detect } from '../../../src/pmi/detect.ts';

const env: NodeJS.ProcessEnv = {
  PMIX_NAMESPACE: '4086104065',
  PMIX_RANK: '0',
  PMIX_SERVER_URI41: '4086104064.0;tcp4://127.0.0.1:1',
  PMIX_SECURITY_MODE: 'munge,native',
  PMIX_BFROP_BUFFER_TYPE: 'PMIX_BFROP_BUFFER_NON_DESC',
  PMIX_GDS_MODULE: 'ds21,ds12,hash',
};

const pmix = suite('pmix');

pmix('a server older than version 4 is not for us', () => {
  const old = { ...env, PMIX_SERVER_URI41: undefined, PMIX_SERVER_URI3: env.PMIX_SERVER_URI41 };
  const story: string[] = [];
  assert.is(detect(old, line => story.push(line)).name, 'incomplete');
  assert.ok(story.some(line => /launcher pmix: .* older than version 4/.test(line)));
});

pmix('what is not known for certain is refused before anything is sent', async () => {
  const refused: [change: NodeJS.ProcessEnv, message: RegExp][] = [
    [{ PMIX_SERVER_URI41: 'nonsense' }, /address that is none/],
    [{ PMIX_SECURITY_MODE: 'munge' }, /credentials other than native/],
    [{ PMIX_BFROP_BUFFER_TYPE: 'PMIX_BFROP_BUFFER_FULLY_DESC' }, /self-describing/],
    [{ PMIX_GDS_MODULE: undefined }, /where it keeps data/],
    [{ PMIX_RANK: 'x' }, /PMIX_RANK/],
    [{}, /cannot connect/],
  ];
  for (const [change, message] of refused) {
    const launcher = detect({ ...env, ...change }, silent);
    assert.is(launcher.name, 'pmix');
    const error = await launcher.open(Deadline.after(60_000)).catch(thrown => thrown);
    assert.instance(error, PythonMpiError);
    assert.is(error.code, 'LAUNCHER', error.message);
    assert.match(error.message, message);
  }
});

const probe = [
  process.execPath,
  fileURLToPath(new URL('../../support/pmi-probe.ts', import.meta.url)),
];
const openmpi = ['mpirun.openmpi', 'mpicc.openmpi'].every(
  tool => spawnSync(tool, ['--version']).status === 0,
);
const real = openmpi ? pmix : pmix.skip;

/** Runs four ranks under the real mpirun. */
function mpirun(...command: string[]): { status: number | null; lines: string[] } {
  const options = ['--allow-run-as-root', '--oversubscribe', '-n', '4'];
  const { status, signal, stdout } = spawnSync('mpirun.openmpi', [...options, ...command], {
    encoding: 'utf8',
  });
  assert.is(signal, null, `mpirun died: ${command.join(' ')}`);
  return { status, lines: stdout.split('\n').filter(Boolean).sort() };
}

/** Runs a test with the path of a compiled MPI program. */
function withProgram(test: (program: string) => void): void {
  const directory = mkdtempSync(join(tmpdir(), 'python-mpi-test-'));
  try {
    const program = join(directory, 'program');
    const source = fileURLToPath(new URL('../../fixtures/mpi-sum.c', import.meta.url));
    execFileSync('mpicc.openmpi', ['-o', program, source]);
    test(program);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

real('Open MPI: four ranks exchange values and end well without MPI', () => {
  const { status, lines } = mpirun(...probe);
  assert.is(status, 0);
  const ranks = lines.map(line => JSON.parse(line)).sort((a, b) => a.rank - b.rank);
  assert.is(ranks.length, 4);
  ranks.forEach((said, rank) => {
    assert.equal(
      [said.launcher, said.rank, said.size, said.nodes],
      ['pmix', rank, 4, [0, 0, 0, 0]],
    );
    assert.equal(
      said.cards,
      [0, 1, 2, 3].map(peer => `value:of=${peer},x:y`),
    );
  });
});

real('Open MPI: an MPI program after us has its own session, every time', () => {
  withProgram(program => {
    for (let round = 0; round < 3; round++) {
      const { status, lines } = mpirun(...probe, program);
      assert.is(status, 0);
      assert.equal(lines.slice(0, 4), ['0/4 10', '1/4 10', '2/4 10', '3/4 10']);
    }
    assert.is(mpirun(...probe, program, '9').status, 9);
  });
});

real('Open MPI: ranks that leave at different times do not take each other along', () => {
  const script = 'sleep 0.$PMIX_RANK; echo $PMIX_RANK done';
  const { status, lines } = mpirun(...probe, '--', 'sh', '-c', script);
  assert.is(status, 0);
  assert.equal(
    lines.filter(line => line.endsWith(' done')),
    ['0 done', '1 done', '2 done', '3 done'],
  );
});

real('Open MPI: a failure ends the job with its status', () => {
  assert.is(mpirun(...probe, '--status', '7').status, 7);
});

real('Open MPI: an abort ends those who wait for the rank', () => {
  const { status, lines } = mpirun(...probe, '--abort', '9');
  assert.is(status, 9);
  // They are killed, or hear of it first.
  for (const line of lines)
    if (line !== '{"abort":9}') assert.is(JSON.parse(line).error.code, 'PEER_LOST', line);
});

pmix.run();
