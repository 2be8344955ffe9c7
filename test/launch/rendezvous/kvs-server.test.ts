import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Deadline } from '../../../src/deadline.ts';
import type { PythonMpiError } from '../../../src/errors.ts';
import { withKvs } from '../../../src/launch/rendezvous/kvs-server.ts';
import { silent } from '../../../src/log.ts';
import type { LauncherSession } from '../../../src/pmi/launcher.ts';
import { envOnly } from '../../../src/pmi/launchers/env-only.ts';
import { RendezvousFile } from '../../../src/pmi/rendezvous-file.ts';
import { scratch } from '../../support/scratch.ts';

const alps = envOnly.find(({ name }) => name === 'alps')!;

/** One rank of a job that meets in a directory. */
async function come(
  directory: string,
  rank: number,
  size: number,
  timeoutMs = 10_000,
): Promise<LauncherSession> {
  const env = {
    ALPS_APP_PE: String(rank),
    ALPS_APP_ID: '4711',
    PYTHON_MPI_SIZE: String(size),
    PYTHON_MPI_RENDEZVOUS: directory,
  };
  const deadline = Deadline.after(timeoutMs);
  const opened = await alps.open({ env, why: 'test', deadline, log: silent });
  return withKvs(opened, { reach: { interface: 'lo' }, deadline, log: silent });
}

function job(directory: string, size: number): Promise<LauncherSession[]> {
  // The root comes last.
  const ranks = Array.from({ length: size }, (_, i) => size - 1 - i);
  return Promise.all(ranks.map(rank => come(directory, rank, size)));
}

const store = suite('launch/store');

store(
  'what a rank has put all ranks can get, and the rendezvous file is gone when all have come',
  async () => {
    const directory = scratch();
    const ranks = await job(directory, 3);
    assert.equal(readdirSync(directory), []);
    for (const { kvs, placement } of ranks) await kvs!.put(`k${placement.rank}`, 'v');
    await Promise.all(ranks.map(({ kvs }) => kvs!.fence()));
    const got = await Promise.all(ranks.map(({ kvs }) => kvs!.get('k2')));
    assert.equal(got, ['v', 'v', 'v']);
    await Promise.all(ranks.map(rank => rank.settle()));
  },
);

store('the rendezvous file of a dead job of the same name is passed over', async () => {
  const directory = scratch();
  const early = come(directory, 1, 2);
  const { rendezvousFile } = await alps.open({
    env: { ALPS_APP_PE: '0', ALPS_APP_ID: '4711', PBS_NP: '2', PYTHON_MPI_RENDEZVOUS: directory },
    why: 'test',
    deadline: Deadline.after(60_000),
    log: silent,
  });
  assert.instance(rendezvousFile, RendezvousFile);
  rendezvousFile!.post(`${'00'.repeat(32)} 1|gone|127.0.0.1:1|gone\n`);
  const ranks = await Promise.all([early, come(directory, 0, 2)]);
  await Promise.all(ranks.map(rank => rank.settle()));
});

/** What the root and another rank get to hear who wait while `last` does something. */
async function heardWhile(
  act: (last: LauncherSession) => Promise<void>,
): Promise<[unknown, unknown]> {
  const [last, middle, root] = await job(scratch(), 3);
  const waiting = [root!, middle!].map(({ kvs }) => kvs!.fence().catch(error => error));
  await act(last!);
  const heard = (await Promise.all(waiting)) as [unknown, unknown];
  await Promise.all([root!.settle(), middle!.settle()]);
  return heard;
}

store('who leaves early frees those who wait for it; the root alone tells why', async () => {
  const [root, other] = await heardWhile(last => last.settle());
  assert.is((root as PythonMpiError).code, 'PEER_LOST');
  assert.match((root as PythonMpiError).message, /^rank \d waits .* for rank 2, which has ended$/);
  assert.is((other as PythonMpiError).seenBy, 'the first rank');
});

store('an abort frees those who wait', async () => {
  const [root, other] = await heardWhile(last => last.abort(9));
  assert.is((root as PythonMpiError).code, 'PEER_LOST');
  assert.is((other as PythonMpiError).seenBy, 'the first rank');
});

store(
  'a root that waits in vain says for how many, and takes its rendezvous file down',
  async () => {
    const directory = join(scratch(), 'made');
    const error = await come(directory, 0, 3, 300).catch(thrown => thrown);
    assert.is(error.code, 'TIMEOUT');
    assert.match(error.toLine(), /only 1 of 3 ranks came; .*PYTHON_MPI_SIZE/);
    assert.ok(existsSync(directory));
    assert.equal(readdirSync(directory), []);
    const alone = await come(directory, 1, 3, 300).catch(thrown => thrown);
    assert.is(alone.seenBy, 'the first rank');
    assert.match(alone.toLine(), /left no rendezvous file of use in .*PYTHON_MPI_RENDEZVOUS/);
  },
);

store.run();
