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
const LINE_BREAK = 0x0a;

/** The first line that arrives on a link, parsed. Rejects with PEER_LOST. */
function firstLine(link: Link): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let length = 0;
    let over = false;
    const broken = (reason: string) => reject(new PythonMpiError('PEER_LOST', reason));
    link.read({
      received(bytes) {
        if (over) return;
        const end = bytes.indexOf(LINE_BREAK);
        pieces.push(Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)));
        length += bytes.length;
        over = end >= 0 || length > MAX_LINE;
        if (!over) return;
        try {
          if (end < 0) throw new Error('not a line');
          resolve(JSON.parse(Buffer.concat(pieces).toString('utf8')));
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
  readonly #isMember: (said: unknown) => said is Member;

  /**
   * @param expected number of other ranks on this node
   * @param isMember whether what a rank says of itself makes sense
   */
  constructor(expected: number, isMember: (said: unknown) => said is Member) {
    this.#expected = expected;
    this.#isMember = isMember;
    this.#complete = new Promise(resolve => {
      this.#completed = resolve;
    });
    if (expected === 0) this.#completed();
  }

  /** A rank of this node has connected. */
  async admit(link: Link): Promise<void> {
    const member = await firstLine(link).catch(() => undefined);
    if (!this.#isMember(member)) return link.destroy();
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
