/**
 * A PMI-1 launcher for tests, which can be rigged: starts programs on real socket pairs, answers
 * them with the built-in server, and lets a test bend any answer on its way.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { formatMapping } from '../../src/pmi/mapping.ts';
import { type Abort, Pmi1Server } from '../../src/pmi/pmi1/server.ts';

/**
 * Bends an answer: gets the line about to be sent and the connection, and returns what to send
 * instead, if anything. Whatever else it wants done it does to the connection itself.
 */
export type Rig = (line: string, connection: Duplex) => string | undefined;

const honest: Rig = line => line;

/** How a program ended, and what it wrote to its standard output. */
export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
}

export interface JobPlan {
  readonly command: readonly string[];
  readonly size: number;
  /** Descriptor of a rank's connection. */
  readonly descriptor?: number;
  readonly env?: NodeJS.ProcessEnv;
  readonly rig?: Rig;
}

/** Runs the command on every rank until all have ended. An abort kills them, as launchers do. */
export async function runJob(plan: JobPlan): Promise<{ ranks: Ended[]; abort: Abort | undefined }> {
  const { command, size, descriptor = 3, env = {}, rig = honest } = plan;
  const server = new Pmi1Server(size, formatMapping(Array.from({ length: size }, () => 0)));
  const connections: Duplex[] = [];
  let abort: Abort | undefined;
  const children = Array.from({ length: size }, (_, rank) => {
    const stdio: ('ignore' | 'inherit' | 'pipe')[] = ['ignore', 'pipe', 'inherit'];
    while (stdio.length < descriptor) stdio.push('ignore');
    stdio.push('pipe');
    const [file, ...args] = command;
    return spawn(file!, args, {
      stdio,
      env: {
        ...process.env,
        PMI_FD: String(descriptor),
        PMI_RANK: String(rank),
        PMI_SIZE: String(size),
        ...env,
      },
    });
  });
  children.forEach((child, rank) => {
    const connection = child.stdio[descriptor] as Duplex;
    connections.push(connection);
    // A rank that is killed may reset its connection.
    connection.on('error', () => {});
    connection.on('data', (bytes: Buffer) => {
      const answer = server.feed(rank, bytes);
      for (const reply of answer.replies) {
        const to = connections[reply.rank]!;
        const line = rig(reply.line, to);
        if (line !== undefined) to.write(line, 'latin1');
      }
      abort ??= answer.abort;
      if (answer.abort) for (const other of children) other.kill('SIGKILL');
    });
  });
  const ranks = await Promise.all(children.map(ended));
  for (const connection of connections) connection.destroy();
  return { ranks, abort };
}

async function ended(child: ChildProcess): Promise<Ended> {
  let output = '';
  child.stdout!.on('data', (text: Buffer) => (output += text));
  // 'close' would also wait for a connection that a test holds open on purpose.
  const [[status, signal]] = await Promise.all([once(child, 'exit'), once(child.stdout!, 'end')]);
  return { status, signal, output };
}
