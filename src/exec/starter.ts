/**
 * The starter that this program runs beside: the process that the launcher has started and waits
 * for, in C (starter/).
 *
 * It hears the node's ranks that wait, and starts Python from the state that the launcher left,
 * which no Node could hand on. We say how, once for all of them; it says who waits, and how Python
 * has ended.
 */
import { Socket } from 'node:net';
import { constants } from 'node:os';
import type { Outcome } from '../outcome.ts';
import type { ProcessIdentity } from '../process-identity.ts';
import type { Change } from './changes.ts';

/** How Python is started on this node. */
export interface Word {
  /** Absolute path of the interpreter. */
  file: string;
  /** What is different in its environment from what each rank was given. */
  changes: readonly Change[];
}

/** A running Python, and what it will have come to. */
export interface RunningPython {
  readonly process: ProcessIdentity;
  readonly ended: Promise<Outcome>;
}

export class Starter {
  /**
   * What all ranks of this run know it by, on all nodes; undefined where the launcher does not say
   * enough.
   */
  readonly key: string | undefined;
  /** Whether the node's other ranks wait at the starter, and are no programs of their own. */
  readonly serves: boolean;
  readonly #socket: Socket;
  readonly #members: ProcessIdentity[] = [];
  #admit: (member: ProcessIdentity) => void = member => void this.#members.push(member);
  #running: (python: RunningPython) => void = () => {};
  #ended: (outcome: Outcome) => void = () => {};
  #rest = '';

  /**
   * @param origin what the starter says of itself: descriptor, key, and whether it serves
   * @param gone hears that the starter was killed, and Python with it
   */
  constructor(origin: string, gone: () => void) {
    const [descriptor, key, serves] = origin.split(' ');
    this.key = key === '-' ? undefined : key;
    this.serves = serves === '1';
    this.#socket = new Socket({ fd: Number(descriptor), readable: true, writable: true });
    this.#socket.setEncoding('latin1');
    this.#socket.on('data', text => this.#hear(String(text)));
    this.#socket.on('error', () => {});
    this.#socket.on('close', gone);
  }

  /** Hears of every rank that waits, also of those that have come already. */
  attend(admit: (member: ProcessIdentity) => void): void {
    this.#admit = admit;
    for (const member of this.#members.splice(0)) admit(member);
  }

  /**
   * Tells the starter, and through it all ranks that wait, how Python is started: they start now.
   */
  tell({ file, changes }: Word): void {
    this.#say(['word', 'file', file, ...changes.flat()]);
  }

  /** Starts this rank's Python, beside us. */
  run(): Promise<RunningPython> {
    return new Promise(resolve => {
      this.#running = resolve;
      this.#say(['run']);
    });
  }

  /**
   * Has the starter become Python as soon as this process has ended with status 0. Resolves when it
   * knows.
   */
  become(): Promise<void> {
    return new Promise(resolve => this.#say(['become'], resolve));
  }

  /**
   * Has the starter take no notice of SIGTERM before there is a Python: this process ends the job,
   * and has a status of its own. Resolves when it knows.
   */
  outlive(): Promise<void> {
    return new Promise(resolve => this.#say(['outlive'], resolve));
  }

  #say(fields: readonly string[], then?: () => void): void {
    const content = Buffer.from(fields.map(field => `${field}\0`).join(''));
    const head = Buffer.alloc(4);
    head.writeUInt32LE(content.length);
    this.#socket.write(Buffer.concat([head, content]), then);
  }

  #hear(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop()!;
    for (const line of lines) this.#note(line.split(' '));
  }

  #note([verb, number, started = '']: readonly string[]): void {
    const value = Number(number);
    if (verb === 'member') this.#admit({ pid: value, started });
    if (verb === 'running') {
      const ended = new Promise<Outcome>(resolve => {
        this.#ended = resolve;
      });
      this.#running({ process: { pid: value, started }, ended });
    }
    if (verb === 'ended') this.#ended({ status: value, signal: undefined });
    if (verb === 'killed') this.#ended({ status: 0, signal: signalOf(value) });
  }
}

function signalOf(number: number): NodeJS.Signals {
  const found = Object.entries(constants.signals).find(([, value]) => value === number);
  return (found?.[0] ?? 'SIGKILL') as NodeJS.Signals;
}
