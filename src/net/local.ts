/**
 * Inside a node: the leader tells the other ranks of its node what became of the staging.
 *
 * Over a link of kind LOCAL, one line of JSON each way: the rank says what it is, the leader
 * answers once with the outcome. What an outcome holds is the caller's business.
 */
import { Deadline } from '../deadline.ts';
import { dial, retry } from './dial.ts';
import { LOCAL } from './handshake.ts';
import { Lines } from './lines.ts';
import type { Link } from './link.ts';

/**
 * The leader's side. `Member` is what ranks say of themselves, `Verdict` what they are all told.
 */
export class LocalGathering<Member, Verdict> {
  readonly members: Member[] = [];
  readonly #conversations: Lines[] = [];
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

  /** A rank of this node waits elsewhere for the verdict. */
  enrol(member: Member): void {
    this.members.push(member);
    if (this.members.length >= this.#expected) this.#completed();
  }

  /** A rank of this node has connected. */
  async admit(link: Link): Promise<void> {
    const lines = new Lines(link, 'a rank of this node');
    const member = await lines.next().catch(() => undefined);
    if (!this.#isMember(member)) return link.destroy();
    this.#conversations.push(lines);
    if (this.#verdict !== undefined) lines.send(this.#verdict);
    this.enrol(member);
  }

  /** Waits until every other rank of this node has introduced itself. */
  async all(deadline: Deadline): Promise<void> {
    await deadline.wait(this.#complete, 'the other ranks of this node');
  }

  /** Tells every rank of this node, also those that come later. */
  announce(verdict: Verdict): void {
    this.#verdict = verdict;
    for (const lines of this.#conversations) lines.send(verdict);
  }
}

/**
 * The side of a rank that is not its node's leader.
 * @param socket name of the leader's local socket
 * @returns what the leader announced
 * @throws PythonMpiError UNREACHABLE, AUTHENTICATION, PEER_LOST or TIMEOUT; OtherSession at once,
 *   since the next session may have another secret
 */
export async function askLeader(
  socket: string,
  secret: Buffer,
  self: { rank: number; position: number; member: unknown },
  deadline: Deadline,
): Promise<unknown> {
  const greeting = { kind: LOCAL, from: self.rank, to: self.position } as const;
  // The leader may not have got as far as listening.
  const link = await retry(
    () => dial({ local: socket }, secret, greeting, deadline),
    deadline,
    new Deadline(0),
  );
  const lines = new Lines(link, 'the node leader');
  lines.send(self.member);
  try {
    return await deadline.wait(lines.next(), 'the packages on this node');
  } finally {
    link.destroy();
  }
}
