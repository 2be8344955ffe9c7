/** The built-in server against a real libmpi, alone and after our own session. */
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EMBEDDED_DESCRIPTOR, embeddedEnvironment } from '../../../src/pmi/launchers/embedded.ts';
import { compile } from '../../support/mpich.ts';
import { runJob } from '../../support/pmi-server.ts';

const probe = [
  process.execPath,
  fileURLToPath(new URL('../../support/pmi-probe.ts', import.meta.url)),
];
const sum = compile('mpi-sum.c');
const sums = ['0/4 10\n', '1/4 10\n', '2/4 10\n', '3/4 10\n'];

const embedded = suite('embedded');

embedded('a real MPI program runs under the built-in server', async () => {
  const { ranks, abort } = await runJob({ command: [sum], size: 4 });
  assert.is(abort, undefined);
  assert.equal(
    ranks.map(({ output }) => output),
    sums,
  );
  assert.ok(ranks.every(({ status }) => status === 0));
});

embedded('and still does after our own session on the same connection', async () => {
  const { ranks, abort } = await runJob({
    command: [...probe, sum],
    size: 4,
    descriptor: EMBEDDED_DESCRIPTOR,
    env: { PYTHON_MPI_EMBEDDED: '7-8' },
  });
  assert.is(abort, undefined);
  ranks.forEach(({ status, output }, rank) => {
    assert.is(status, 0);
    assert.ok(output.startsWith(sums[rank]!), output);
    assert.is(JSON.parse(output.slice(sums[rank]!.length)).launcher, 'embedded');
  });
});

embedded('MPI_Abort reaches the launcher with its status', async () => {
  const { abort } = await runJob({ command: [sum, '9'], size: 4 });
  assert.equal(abort, { rank: 0, status: 9, reason: undefined });
});

embedded('an abort of ours ends those who wait for the rank', async () => {
  const { ranks, abort } = await runJob({ command: [...probe, '--abort', '9'], size: 3 });
  assert.equal(abort, { rank: 1, status: 9, reason: undefined });
  assert.equal(ranks.map(({ output }) => output).join(''), '{"abort":9}\n');
});

embedded('the environment of a rank is what a rank reads', () => {
  assert.equal(embeddedEnvironment(1, 4, '7-8'), {
    PYTHON_MPI_EMBEDDED: '7-8',
    PMI_FD: '20',
    PMI_RANK: '1',
    PMI_SIZE: '4',
  });
});

embedded.run();
