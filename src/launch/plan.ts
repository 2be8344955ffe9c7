/**
 * What the root announces to every node leader, and how a failure travels back: the opaque texts
 * that the engine carries. A plan is signed with the session's secret, so the digests in it are the
 * root's whatever the nodes between are; everything else is then checked against those digests.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { codeOfStatus, type ErrorCode, PythonMpiError, STATUS } from '../errors.ts';
import { isPackageSpec, type PackageSpec } from '../stage/package.ts';

const MAC_BYTES = 32;

/** The plan of a launch. */
export interface Plan {
  packages: readonly PackageSpec[];
}

/** Whether something that was announced is a plan of a launch. */
export function isPlan(said: unknown): said is Plan {
  const { packages } = (said ?? {}) as Partial<Record<keyof Plan, unknown>>;
  return Array.isArray(packages) && packages.every(isPackageSpec);
}

function sign(secret: Buffer, body: Uint8Array): Buffer {
  return createHmac('sha256', secret).update('plan').update(body).digest();
}

/** A plan, signed. */
export function encodePlan<P extends object>(plan: P, secret: Buffer): Buffer {
  const body = Buffer.from(JSON.stringify(plan));
  return Buffer.concat([sign(secret, body), body]);
}

/**
 * @param isPlan whether what the root says makes sense
 * @throws PythonMpiError AUTHENTICATION when the root of this job did not write it; PROTOCOL when
 *   it makes no sense
 */
export function decodePlan<P extends object>(
  bytes: Uint8Array,
  secret: Buffer,
  isPlan: (said: unknown) => said is P,
): P {
  const body = bytes.subarray(MAC_BYTES);
  const mac = bytes.subarray(0, MAC_BYTES);
  if (mac.length !== MAC_BYTES || !timingSafeEqual(mac, sign(secret, body))) {
    throw new PythonMpiError('AUTHENTICATION', 'the announced packages are not those of the root');
  }
  const plan = parse(Buffer.from(body).toString('utf8'));
  if (isPlan(plan)) return plan;
  throw new PythonMpiError('PROTOCOL', 'the root announced what is no plan', {
    hint: 'use the same version of python-mpi on all ranks',
  });
}

/** What a text of JSON holds; undefined when it is none. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Longest failure text that the engine carries, in bytes. */
const MAX_FAILURE_TEXT = 512;

/** A failure as the engine carries it: the exit status as its code, the rest as text. */
export function encodeFailure(error: PythonMpiError): { code: number; text: string } {
  const { message, host, hint } = error;
  for (let keep = MAX_FAILURE_TEXT; ; keep -= 64) {
    const cut = (text: string | undefined) => text?.slice(0, keep);
    const text = JSON.stringify({ message: cut(message), host: cut(host), hint: cut(hint) });
    if (Buffer.byteLength(text) <= MAX_FAILURE_TEXT) return { code: STATUS[error.code], text };
  }
}

/**
 * @param fallback what to say when no node wrote a text: the engine itself found the failure
 */
export function decodeFailure(code: number, text: string, fallback: string): PythonMpiError {
  const name: ErrorCode = codeOfStatus(code);
  const said = (parse(text) ?? {}) as Partial<Record<'message' | 'host' | 'hint', unknown>>;
  const word = (value: unknown) => (typeof value === 'string' ? value : undefined);
  const message = word(said.message);
  if (message === undefined) return new PythonMpiError(name, fallback);
  return new PythonMpiError(name, message, { host: word(said.host), hint: word(said.hint) });
}

/** What a node leader tells the other ranks of its node: where everything is, or why it is not. */
export type LocalVerdict = { directory: string } | { failure: { code: number; text: string } };

/**
 * Reads what a node leader has said.
 * @throws PythonMpiError PROTOCOL when it makes no sense
 */
export function decodeVerdict(said: unknown): LocalVerdict {
  const { failure, directory } = (said ?? {}) as {
    failure?: { code?: unknown; text?: unknown } | null;
    directory?: unknown;
  };
  if (typeof failure?.code === 'number' && typeof failure.text === 'string')
    return { failure: { code: failure.code, text: failure.text } };
  if (failure === undefined && typeof directory === 'string') return { directory };
  throw new PythonMpiError('PROTOCOL', 'the leader of this node told what is no verdict', {
    hint: 'use the same version of python-mpi on all ranks',
  });
}
