/** The client against the real Hydra, alone and followed by a real libmpi. */
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compile, mpiexec } from '../../support/mpich.ts';

const probe = [
  process.execPath,
  fileURLToPath(new URL('../../support/pmi-probe.ts', import.meta.url)),
];
const sum = compile('mpi-sum.c');
const sums = ['0/4 10', '1/4 10', '2/4 10', '3/4 10'];

const hydra = suite('hydra');

for (const [how, launcher, ...options] of [
  ['PMI_FD', 'hydra'],
  ['PMI_PORT', 'pmi-port', '-pmi-port'],
  ['PMI-2', 'pmi2', '-env', 'PYTHON_MPI_LAUNCHER', 'pmi2'],
] as const) {
  const run = (...args: string[]) => mpiexec(...options, '-n', '4', ...probe, ...args);

  hydra(`${how}: four ranks exchange values and end well without MPI`, async () => {
    const { status, lines } = await run();
    assert.is(status, 0);
    assert.is(lines.length, 4);
    const ranks = lines.map(line => JSON.parse(line)).sort((a, b) => a.rank - b.rank);
    ranks.forEach((said, rank) => {
      assert.equal([said.launcher, said.rank, said.size], [launcher, rank, 4]);
      assert.equal(said.nodes, [0, 0, 0, 0]);
      assert.equal(
        said.cards,
        [0, 1, 2, 3].map(peer => `value:of=${peer},x:y`),
      );
    });
  });

  hydra(`${how}: an MPI program after us has its own session`, async () => {
    const { status, lines } = await run(sum);
    assert.is(status, 0);
    assert.equal(lines.slice(0, 4), sums);
  });

  hydra(`${how}: a failure ends the job with its status`, async () => {
    const { status } = await run('--status', '7');
    assert.is(status, 7);
  });

  hydra(`${how}: an abort ends those who wait for the rank`, async () => {
    const { status, lines } = await run('--abort', '9');
    assert.is(status, 9);
    assert.equal(lines, ['{"abort":9}']);
  });

  // Hydra ends the job at once, and drops what it has not read by then.
  hydra(
    `${how}: what a rank said before its abort is not lost where the proxy is slow`,
    async () => {
      const { status, lines } = await run('--abort', '9', '--held', '300');
      assert.is(status, 9);
      assert.equal(lines, ['{"abort":9}']);
    },
  );

  hydra(`${how}: MPI_Abort after us ends the job with its status`, async () => {
    const { status, lines } = await run(sum, '9');
    assert.is(status, 9);
    assert.is(lines.filter(line => sums.includes(line)).length, 0);
  });
}

for (const [outer, inner] of [
  ['hydra', 'pmi2'],
  ['pmi2', 'pmi2'],
]) {
  hydra(`a session of ${inner} after one of ${outer}`, async () => {
    const again = ['env', `PYTHON_MPI_LAUNCHER=${inner}`, ...probe];
    const { status, lines } = await mpiexec(
      '-env',
      'PYTHON_MPI_LAUNCHER',
      outer!,
      '-n',
      '3',
      ...probe,
      '--',
      ...again,
    );
    assert.is(status, 0);
    const said = lines.map(line => JSON.parse(line));
    assert.equal(
      said.map(({ launcher, rank, cards }) => `${launcher} ${rank} ${cards.length}`).sort(),
      [outer, inner].flatMap(launcher => [0, 1, 2].map(rank => `${launcher} ${rank} 3`)).sort(),
    );
  });
}

hydra('ranks that leave at different times do not take each other along', async () => {
  const script = 'sleep 0.$PMI_RANK; echo $PMI_RANK done';
  const { status, lines } = await mpiexec('-n', '3', ...probe, '--', 'sh', '-c', script);
  assert.is(status, 0);
  assert.equal(
    lines.filter(line => line.endsWith(' done')),
    ['0 done', '1 done', '2 done'],
  );
});

hydra('placement comes from the mapping', async () => {
  const { lines } = await mpiexec(
    '-launcher',
    'fork',
    '-hosts',
    'localhost:3,127.0.0.1:1',
    '-n',
    '4',
    ...probe,
  );
  const [said] = lines.map(line => JSON.parse(line));
  assert.equal(said.nodes, [0, 0, 0, 1]);
});

hydra.run();
