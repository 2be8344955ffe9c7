/**
 * Inside a node: the leader tells the other ranks of its node what became of the staging.
 *
 * Over a link of kind LOCAL, one line of JSON each way: the rank says who it is, the leader answers once with
 * the outcome. What an outcome holds is the caller's business.
 */
import type { Deadline } from '../deadline.ts';
import { PythonMpiError } from '../errors.ts';
import { LOCAL } from './handshake.ts';
import { dial, type Link } from './link.ts';
import { patiently } from './patience.ts';

/** A line longer than this is no message of ours, in bytes. */
const MAX_LINE = 65536;

/** The first line that arrives on a link, parsed. */
function firstLine(link: Link): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let text = '';
    const broken = (reason: string) => reject(new PythonMpiError('PEER_LOST', reason));
    link.read({
      received(bytes) {
        text += Buffer.from(bytes).toString('utf8');
        const end = text.indexOf('\n');
        if (end < 0 && text.length > MAX_LINE) return broken('the node leader sent nonsense');
        if (end < 0) return;
        try {
          resolve(JSON.parse(text.slice(0, end)));
        } catch {
          broken('the node leader sent nonsense');
        }
      },
      ended: () => broken('the node leader went away'),
      lost: () => broken('the node leader went away'),
    });
  });
}

function line(message: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(message)}\n`);
}

/**
 * The leader's side. `Member` is what ranks say of themselves, `Verdict` what they are all told.
 */
export class LocalGathering<Member, Verdict> {
  readonly members: Member[] = [];
  readonly #links: Link[] = [];
  #verdict: Verdict | undefined;
  readonly #complete: Promise<void>;
  #completed!: () => void;
  readonly #expected: number;

  /** @param expected number of other ranks on this node */
  constructor(expected: number) {
    this.#expected = expected;
    this.#complete = new Promise(resolve => {
      this.#completed = resolve;
    });
    if (expected === 0) this.#completed();
  }

  /** A rank of this node has connected. */
  async admit(link: Link): Promise<void> {
    const member = (await firstLine(link).catch(() => undefined)) as Member | undefined;
    if (member === undefined) return link.destroy();
    this.members.push(member);
    this.#links.push(link);
    if (this.#verdict !== undefined) link.send(line(this.#verdict));
    if (this.members.length >= this.#expected) this.#completed();
  }

  /** Waits until every other rank of this node has said who it is. */
  async all(deadline: Deadline): Promise<void> {
    await deadline.wait(this.#complete, 'the other ranks of this node');
  }

  /** Tells every rank of this node, also those that come later. */
  announce(verdict: Verdict): void {
    this.#verdict = verdict;
    for (const link of this.#links) link.send(line(verdict));
  }
}

/**
 * The side of a rank that is not its node's leader.
 * @param socket name of the leader's local socket
 * @returns what the leader announced
 * @throws PythonMpiError UNREACHABLE, AUTHENTICATION, PEER_LOST or TIMEOUT
 */
export async function askLeader(
  socket: string,
  secret: Buffer,
  self: { rank: number; position: number; member: unknown },
  deadline: Deadline,
): Promise<unknown> {
  const greeting = { kind: LOCAL, from: self.rank, to: self.position } as const;
  // The leader may not have got as far as listening.
  const link = await patiently(() => dial({ local: socket }, secret, greeting, deadline), deadline);
  link.send(line(self.member));
  try {
    return await deadline.wait(firstLine(link), 'the packages on this node');
  } finally {
    link.destroy();
  }
}
