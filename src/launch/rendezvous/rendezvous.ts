/**
 * How the ranks of a job come to share a secret and find each other's listeners: what every way
 * comes to. choose.ts knows the ways.
 */
import type { Card } from '../../net/card.ts';
import type { Listener } from '../../net/listener.ts';

export interface Rendezvous {
  /** A node leader's part: opens the listener and makes it known. @returns the session's secret */
  lead(listener: Listener): Promise<Buffer>;
  /** The part of any other rank. @returns the session's secret and where its leader is */
  follow(): Promise<{ secret: Buffer; leader: Card }>;
  /** Whether all ranks are known to have been started once {@link lead} has returned. */
  readonly allStarted: boolean;
  /** How much later than this one another leader may begin to listen, in milliseconds. */
  readonly latenessMs: number;
  /** Where the leader of a position can be reached. Only after {@link lead} or {@link follow}. */
  cardOf(position: number): Promise<Card>;
  /** All nodes have what this run is about: other leaders that come now belong to the next. */
  settled?(): void;
  /** No other rank has to find this one any more. */
  close(): void;
}
