/**
 * A rank that finds its peers as python-mpi does: opens the rendezvous, exchanges a value with
 * every rank, runs a program the way Python would be run, and finishes. Prints what it came to as
 * one line of JSON.
 *
 *     node pmi-probe.ts [--timeout MS] [--status N] [--abort N [--held MS]] [program [argument]...]
 *
 * With --abort, rank 1 says so and aborts the job with that status while the others wait for it.
 * With --held, its parent, the launcher's process on this node, stands still from before the words
 * until so long after them.
 */
import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';
import { leave } from '../../src/cli/leave.ts';
import { Deadline } from '../../src/deadline.ts';
import { asPythonMpiError } from '../../src/errors.ts';
import type { Outcome } from '../../src/outcome.ts';
import { detect } from '../../src/pmi/detect.ts';
import type { LauncherSession } from '../../src/pmi/launcher.ts';

const { values: options, positionals: program } = parseArgs({
  options: {
    timeout: { type: 'string', default: '20000' },
    status: { type: 'string', default: '0' },
    abort: { type: 'string' },
    held: { type: 'string' },
  },
  allowPositionals: true,
});

const story: string[] = [];
let session: LauncherSession | undefined;
let outcome: Outcome = { status: Number(options.status), signal: undefined };
try {
  const launcher = detect(process.env, line => story.push(line), process.env.PYTHON_MPI_LAUNCHER);
  session = await launcher.open(Deadline.after(Number(options.timeout)));
  if (options.abort !== undefined && session.placement.rank === 1) {
    if (options.held !== undefined) {
      const { ppid } = process;
      const seconds = Number(options.held) / 1000;
      process.kill(ppid, 'SIGSTOP');
      const wake = ['-c', `sleep ${seconds}; kill -CONT ${ppid}`];
      spawn('sh', wake, { stdio: 'ignore', detached: true }).unref();
    }
    await say({ abort: Number(options.abort) });
    await session.abort(Number(options.abort));
    leave(Number(options.abort));
  }
  const cards = await exchange(session);
  await session.settle();
  if (program.length > 0) outcome = await run(session, program);
  const { placement, why } = session;
  await say({ launcher: launcher.name, why, ...placement, cards, story });
  await session.finish(outcome);
} catch (thrown) {
  const { code, message, hint, status } = asPythonMpiError(thrown);
  await say({ error: { code, message, hint }, story });
  outcome = { status, signal: undefined };
}
leave(outcome.status);

async function exchange({ kvs, placement: { rank, size } }: LauncherSession): Promise<string[]> {
  if (!kvs) return [];
  await kvs.put(`card-${rank}`, `value:of=${rank},x:y`);
  await kvs.fence();
  const cards: string[] = [];
  for (let peer = 0; peer < size; peer++) cards.push(await kvs.get(`card-${peer}`, peer));
  return cards;
}

function run({ handOver }: LauncherSession, [file, ...args]: string[]): Promise<Outcome> {
  const stdio: ('inherit' | 'ignore' | number)[] = ['inherit', 'inherit', 'inherit'];
  if (handOver.descriptor !== undefined) {
    while (stdio.length < handOver.descriptor) stdio.push('ignore');
    stdio.push(handOver.descriptor);
  }
  const child = spawn(file!, args, { stdio, env: { ...process.env, ...handOver.env } });
  return new Promise(resolve =>
    child.once('exit', (status, signal) =>
      resolve({ status: status ?? 0, signal: signal ?? undefined }),
    ),
  );
}

function say(what: object): Promise<void> {
  return new Promise(resolve => process.stdout.write(`${JSON.stringify(what)}\n`, () => resolve()));
}
