/**
 * One question, one answer, a line each way: for what has to be said before there is a secret to
 * prove.
 *
 * Every process on the network may connect, and every one may answer. So both sides must be able to
 * tell their peer by what is in the lines, which is the caller's business.
 */
import { connect, type Socket } from 'node:net';
import { Backoff, type Deadline } from '../deadline.ts';
import { Acceptor, type PendingConnection } from './acceptor.ts';
import type { Target } from './dial.ts';
import { FairQueue } from './fair-queue.ts';

/** A line longer than this is none of ours, in bytes. */
const MAX_LINE = 16_384;
/** How long an accepted connection may take to ask, in milliseconds. */
const PATIENCE_MS = 5000;
/** Questions that are looked at at a time, and that one address may have waiting. */
const AT_A_TIME = 2;
const WAITING = 16;
/** Longest pause before asking again where no process listens yet, in milliseconds. */
const RETRY_MS = 25;

/** Answers questions until it is closed. */
export class Responder {
  readonly #answer: (question: string) => Promise<string>;
  readonly #acceptor = new Acceptor(pending => void this.#attend(pending), PATIENCE_MS);
  readonly #queue = new FairQueue(AT_A_TIME, WAITING);

  /** @param answer throws for a question that is not to be answered */
  constructor(answer: (question: string) => Promise<string>) {
    this.#answer = answer;
  }

  /** As {@link Acceptor.tcp}. */
  async tcp(ports: readonly number[], addresses?: readonly string[]): Promise<void> {
    await this.#acceptor.tcp(ports, addresses);
  }

  /** As {@link Acceptor.local}. */
  local(name: string): Promise<void> {
    return this.#acceptor.local(name);
  }

  /** Stops listening. */
  close(): void {
    this.#acceptor.close();
  }

  async #attend(pending: PendingConnection): Promise<void> {
    const { socket } = pending;
    pending.hurry();
    try {
      const question = await readLine(socket);
      pending.relax();
      const answer = await this.#queue.run(pending.address, async () =>
        socket.destroyed ? '' : this.#answer(question),
      );
      pending.leave();
      if (!socket.destroyed) socket.end(`${answer}\n`);
    } catch {
      // A stranger is turned away without a word: it could be anything.
      socket.destroy();
    }
  }
}

/** What to ask, and how to tell the answer. */
export interface Question<Answer> {
  /** Makes a question for one connection. What it throws ends the asking. */
  ask(): Promise<string>;
  /** Reads an answer; undefined when it is not from the right one. */
  read(answer: string): Promise<Answer | undefined>;
  /** The question was taken there, and not answered. */
  refused?(target: Target): void;
}

/**
 * Asks at all targets at once, again and again, until one gives the answer: only one of them is the
 * right one, and the others may be closed, silent or of strangers.
 * @param what what is asked for and where, as the rest of the sentence "timed out waiting for ..."
 * @throws PythonMpiError TIMEOUT; whatever making the question throws
 */
export async function ask<Answer>(
  targets: readonly Target[],
  question: Question<Answer>,
  deadline: Deadline,
  what: string,
): Promise<Answer> {
  const over = new AbortController();
  const retry = async (target: Target): Promise<Answer> => {
    const backoff = new Backoff(RETRY_MS);
    for (;;) {
      const answer = await askOnce(target, question, over.signal);
      if (answer !== undefined) return answer;
      await backoff.pause();
      over.signal.throwIfAborted();
    }
  };
  const asking = targets.map(retry);
  // The first answer settles it, so what becomes of the others does not matter.
  for (const attempt of asking) attempt.catch(() => {});
  try {
    return await deadline.wait(Promise.race(asking), what);
  } finally {
    over.abort();
  }
}

/**
 * Whether a connection is taken at one of these targets before the deadline, by whatever process.
 */
export async function isListening(
  targets: readonly Target[],
  deadline: Deadline,
): Promise<boolean> {
  const over = new AbortController();
  const backoff = new Backoff(RETRY_MS);
  const knock = async (target: Target) => {
    while (!(await connected(open(target, over.signal)))) {
      await backoff.pause();
      over.signal.throwIfAborted();
    }
  };
  try {
    const knocking = targets.map(knock);
    for (const attempt of knocking) attempt.catch(() => {});
    await deadline.wait(Promise.race(knocking), 'a listener');
    return true;
  } catch {
    return false;
  } finally {
    over.abort();
  }
}

function open(target: Target, signal: AbortSignal): Socket {
  const where = 'local' in target ? { path: `\0${target.local}` } : target;
  const socket = connect({ ...where, signal });
  socket.on('error', () => {});
  return socket;
}

function connected(socket: Socket): Promise<boolean> {
  return new Promise(resolve => {
    socket.once('connect', () => resolve(true));
    socket.once('close', () => resolve(false));
  });
}

async function askOnce<Answer>(
  target: Target,
  question: Question<Answer>,
  signal: AbortSignal,
): Promise<Answer | undefined> {
  const socket = open(target, signal);
  try {
    if (!(await connected(socket))) return undefined;
    socket.write(`${await question.ask()}\n`);
    const answer = await readLine(socket).catch(() => undefined);
    if (answer !== undefined) return await question.read(answer);
    question.refused?.(target);
    return undefined;
  } finally {
    socket.destroy();
  }
}

/** The first line that arrives, without its end. Rejects when there is none. */
function readLine(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    let over = false;
    socket.on('data', chunk => {
      // What follows the line is not asked for, and must not pile up.
      if (over) return;
      text += chunk.toString('latin1');
      const end = text.indexOf('\n');
      over = end >= 0 || text.length > MAX_LINE;
      if (end >= 0) resolve(text.slice(0, end));
      else if (over) reject(new Error('not a line'));
    });
    socket.once('close', () => reject(new Error('no line')));
    socket.resume();
  });
}
