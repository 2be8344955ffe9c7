/**
 * A key-value store for launchers that have none: the root serves it to all ranks, over links that
 * prove the secret of a rendezvous file it has posted where all nodes see it. What is spoken is
 * PMI-1, with the built-in server.
 */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { Deadline, pause } from '../../deadline.ts';
import { asPythonMpiError, PythonMpiError } from '../../errors.ts';
import { Janitor } from '../../exec/janitor.ts';
import type { Log } from '../../log.ts';
import { publishableAddresses } from '../../net/addresses.ts';
import { decodeCard, encodeCard } from '../../net/card.ts';
import { dial, dialAny, type Target } from '../../net/dial.ts';
import { drawSecret, readSecret, STORE } from '../../net/handshake.ts';
import type { Link } from '../../net/link.ts';
import { Listener } from '../../net/listener.ts';
import { portsToTry, type Reach } from '../../net/reach.ts';
import type { Channel } from '../../pmi/channel.ts';
import { FAREWELL_MS, type LauncherSession, type Placement } from '../../pmi/launcher.ts';
import { Pmi1Client } from '../../pmi/pmi1/client.ts';
import { Pmi1Server, type Reaction } from '../../pmi/pmi1/server.ts';
import type { RendezvousFile } from '../../pmi/rendezvous-file.ts';
import { kvsOf } from '../../pmi/session.ts';

/**
 * Pause before looking for the rendezvous file again: gentle to a file server that thousands ask,
 * in milliseconds.
 */
const LOOK_MS = 200;
/**
 * How long one try to reach the root may take, in milliseconds: the rendezvous file may be that of
 * a job that is dead.
 */
const TRY_MS = 2000;

/** What opening a store needs besides the launcher. */
export interface KvsServerOptions {
  reach: Reach;
  deadline: Deadline;
  log: Log;
}

/**
 * The rendezvous with a store, where the launcher leaves the ranks to a rendezvous file; any other
 * as it is. All ranks come here.
 * @throws PythonMpiError on the root: NO_SECRET when the shared directory is of no use, TIMEOUT
 *   when ranks fail to come
 */
export async function withKvs(
  session: LauncherSession,
  options: KvsServerOptions,
): Promise<LauncherSession> {
  const { placement, rendezvousFile } = session;
  if (rendezvousFile === undefined || placement.size === 1) return session;
  const server =
    placement.rank === 0 ? await KvsServer.post(placement, rendezvousFile, options) : undefined;
  try {
    const { deadline } = options;
    const link = await (server?.ownLink(deadline) ??
      reachRoot(placement, rendezvousFile, deadline));
    const client = new Pmi1Client(channelOf(link));
    await server?.allRanks(deadline);
    await client.init(deadline);
    // Once past this, every rank knows that all have come.
    await client.fence(deadline);
    options.log(`store: ${placement.rank === 0 ? 'served by this rank' : `at ${link.peer}`}`);
    const leave = async () => {
      client.close();
      await server?.close(FAREWELL_MS);
    };
    const kvs = kvsOf(client, deadline);
    // The end of the store is the end for all ranks, and the root knows why.
    const explained = <Value>(asked: Promise<Value>) =>
      asked.catch(thrown => {
        throw whyOver(server, thrown);
      });
    return {
      ...session,
      kvs: {
        put: (key, value) => explained(kvs.put(key, value)),
        get: (key, from) => explained(kvs.get(key, from)),
        fence: () => explained(kvs.fence()),
      },
      settle: leave,
      finish: leave,
      async abort(status) {
        await client.abort(status);
        await leave();
      },
    };
  } catch (error) {
    await server?.close(0);
    throw whyOver(server, error);
  }
}

/**
 * What to throw when the store, spoken to as a launcher, has failed. What keeps a rank away from it
 * the root sees too, if only by waiting for that rank.
 */
function whyOver(server: KvsServer | undefined, thrown: unknown): PythonMpiError {
  const failed = asPythonMpiError(thrown);
  const error =
    failed.code === 'LAUNCHER'
      ? new PythonMpiError('PEER_LOST', server?.reason ?? 'lost a rank while all met')
      : failed;
  if (server === undefined) error.seenBy = 'the first rank';
  return error;
}

/** The root's side. */
class KvsServer {
  /** Why the store has ended before its time. */
  reason: string | undefined;
  readonly #size: number;
  readonly #rendezvousFile: RendezvousFile;
  /** Takes the rendezvous file down when this process is killed. */
  readonly #janitor: Janitor;
  readonly #secret = drawSecret();
  readonly #local = `python-mpi-store-${randomBytes(16).toString('hex')}`;
  readonly #listener = new Listener(link => this.#admit(link));
  readonly #pmi: Pmi1Server;
  readonly #links = new Map<number, Link>();
  readonly #gone = new Set<number>();
  readonly #complete = Promise.withResolvers<void>();
  readonly #deserted = Promise.withResolvers<void>();

  private constructor(size: number, rendezvousFile: RendezvousFile) {
    this.#size = size;
    this.#rendezvousFile = rendezvousFile;
    this.#janitor = new Janitor(['/bin/rm', '-f', '--', ...rendezvousFile.files]);
    this.#pmi = new Pmi1Server(size, '');
  }

  /** Listens, and tells the others where. */
  static async post(
    { size }: Placement,
    rendezvousFile: RendezvousFile,
    { reach }: KvsServerOptions,
  ): Promise<KvsServer> {
    const server = new KvsServer(size, rendezvousFile);
    server.#listener.admit(server.#secret);
    const addresses = await publishableAddresses(reach.interface);
    const port = await server.#listener.tcp(
      portsToTry(reach),
      reach.interface === undefined ? undefined : addresses,
    );
    await server.#listener.local(server.#local);
    const endpoints = addresses.map(host => ({ host, port }));
    const card = encodeCard({ host: hostname(), endpoints, local: server.#local });
    rendezvousFile.post(`${server.#secret.toString('hex')} ${card}\n`);
    return server;
  }

  /** The root is a rank of its store like any other. */
  ownLink(deadline: Deadline): Promise<Link> {
    const greeting = { kind: STORE, from: 0, to: 0 } as const;
    return dial({ local: this.#local }, this.#secret, greeting, deadline);
  }

  /**
   * Waits until all ranks have come; none needs the rendezvous file then. @throws PythonMpiError
   * TIMEOUT
   */
  async allRanks(deadline: Deadline): Promise<void> {
    try {
      await deadline.wait(this.#complete.promise, 'all ranks');
    } catch (cause) {
      const came = `only ${this.#links.size} of ${this.#size} ranks came`;
      throw new PythonMpiError('TIMEOUT', came, {
        hint: 'check PYTHON_MPI_SIZE, and that all nodes see PYTHON_MPI_RENDEZVOUS',
        cause,
      });
    } finally {
      await this.#takeDown();
    }
  }

  /** Ends when all ranks have left, or had this many milliseconds to. */
  async close(graceMs: number): Promise<void> {
    await this.#takeDown();
    this.#listener.close();
    await Deadline.after(graceMs)
      .wait(this.#deserted.promise, 'all ranks')
      .catch(() => {});
    this.#disconnect();
  }

  async #takeDown(): Promise<void> {
    this.#rendezvousFile.remove();
    await this.#janitor.dismiss();
  }

  #admit(link: Link): void {
    const { kind, from } = link.greeting;
    if (kind !== STORE || from >= this.#size) return void link.destroy();
    // A rank that gave up on a connection too early comes by another, and has said nothing on the
    // first.
    this.#links.get(from)?.destroy();
    this.#links.set(from, link);
    const left = () => this.#leave(from);
    const received = (bytes: Uint8Array) => this.#act(this.#pmi.feed(from, bytes));
    link.read({ received, ended: left, lost: left });
    if (this.#links.size === this.#size) this.#complete.resolve();
  }

  #leave(rank: number): void {
    this.#gone.add(rank);
    if (this.#gone.size === this.#links.size) this.#deserted.resolve();
    this.#act(this.#pmi.closed(rank));
  }

  #act({ replies, abort }: Reaction): void {
    for (const { rank, line } of replies) this.#links.get(rank)?.send(Buffer.from(line, 'latin1'));
    if (abort === undefined) return;
    this.reason ??= abort.reason;
    this.#disconnect();
  }

  #disconnect(): void {
    for (const link of this.#links.values()) link.destroy();
    this.#deserted.resolve();
  }
}

/** Looks for the rendezvous file until the process that it points to knows its secret. */
async function reachRoot(
  { rank }: Placement,
  rendezvousFile: RendezvousFile,
  deadline: Deadline,
): Promise<Link> {
  const greeting = { kind: STORE, from: rank, to: 0 } as const;
  while (!deadline.expired) {
    const { secret, targets } = readNote(rendezvousFile);
    const attempt = Deadline.after(Math.min(TRY_MS, deadline.remaining));
    const link = await dialAny(targets, secret, greeting, attempt).catch(() => undefined);
    if (link !== undefined) return link;
    await pause(LOOK_MS);
  }
  throw new PythonMpiError(
    'TIMEOUT',
    `rank 0 left no rendezvous file of use in ${rendezvousFile.directory}`,
    {
      hint: 'set PYTHON_MPI_RENDEZVOUS to a directory that all nodes see',
    },
  );
}

/** What a rendezvous file says; nowhere to go while there is none. */
function readNote(rendezvousFile: RendezvousFile): { secret: Buffer; targets: readonly Target[] } {
  const [secret, card] = rendezvousFile.read()?.trim().split(' ') ?? [];
  if (secret === undefined || card === undefined) return { secret: Buffer.alloc(0), targets: [] };
  return { secret: readSecret(secret), targets: decodeCard(card).endpoints };
}

/** A link as a launcher's connection. */
function channelOf(link: Link): Channel {
  const arrived: (Uint8Array | undefined)[] = [];
  let wake = () => {};
  const take = (bytes: Uint8Array | undefined) => {
    arrived.push(bytes);
    wake();
  };
  link.read({
    received: bytes => take(Uint8Array.from(bytes)),
    ended: () => take(undefined),
    lost: () => take(undefined),
  });
  return {
    async write(bytes) {
      link.send(bytes);
    },
    async read() {
      while (arrived.length === 0) {
        await new Promise<void>(resolve => {
          wake = resolve;
        });
      }
      return arrived.shift();
    },
    unref: () => link.unref(),
    close: () => link.close(),
  };
}
