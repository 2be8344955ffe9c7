/**
 * The embedded launcher: N ranks on this machine, served by the built-in PMI server. Each rank is
 * this program again, so a laptop takes the same path as a cluster.
 */
import { codeOfStatus, PythonMpiError } from '../errors.ts';
import { self } from '../exec/processes.ts';
import { LocalRanks } from '../exec/ranks.ts';
import { type Outcome, shellStatus } from '../outcome.ts';
import { EMBEDDED_DESCRIPTOR, embeddedEnvironment } from '../pmi/launchers/embedded.ts';
import { formatMapping } from '../pmi/mapping.ts';
import { Pmi1Server, type Reaction } from '../pmi/pmi1/server.ts';
import type { Run } from './run.ts';

/**
 * Starts the ranks and waits for them.
 * @param launcher name of the launcher that was detected around us
 * @throws PythonMpiError USAGE inside another launcher's job
 */
export async function launchLocally(run: Run, launcher: string): Promise<Outcome> {
  if (launcher !== 'single') {
    throw new PythonMpiError(
      'USAGE',
      `-n starts ranks by itself, but this is a rank of ${launcher} already`,
      {
        hint: 'leave -n out and let the launcher start the ranks',
      },
    );
  }
  const size = run.ranks!;
  const { pid, started } = self();
  const identity = `${pid}-${started}`;
  const server = new Pmi1Server(size, formatMapping(new Array<number>(size).fill(0)));
  const connections = new Map<number, NodeJS.WritableStream>();
  const act = ({ replies, abort }: Reaction) => {
    for (const { rank, line } of replies) connections.get(rank)?.write(line, 'latin1');
    if (abort === undefined) return;
    if (abort.reason !== undefined)
      run.complain(new PythonMpiError(codeOfStatus(abort.status), abort.reason));
    ranks.abort(abort.rank, abort.status);
  };
  const ranks = new LocalRanks({
    // Each rank reads from this process what the user gave it: bytes that are no text would not
    // arrive through here.
    command: run.self,
    size,
    descriptor: EMBEDDED_DESCRIPTOR,
    env: rank => embeddedEnvironment(rank, size, identity),
    connect: (rank, connection) => {
      connections.set(rank, connection);
      connection.on('data', (bytes: Buffer) => act(server.feed(rank, bytes)));
      connection.on('error', () => {});
    },
    // Not when the connection closes: how the rank ended says more than that it left others
    // waiting.
    ended: rank => act(server.closed(rank)),
  });
  const { rank, outcome } = await ranks.ended();
  if (ranks.lost !== undefined) {
    const error = new PythonMpiError('SYSTEM', `cannot write what the ranks print (${ranks.lost})`);
    run.complain(error);
    if (shellStatus(outcome) === 0) return { status: error.status, signal: undefined };
  }
  if (shellStatus(outcome) !== 0) {
    const how = outcome.signal === undefined ? `status ${outcome.status}` : outcome.signal;
    run.log(`rank ${rank} ended the job with ${how}`);
  }
  return outcome;
}
