/**
 * What the root announces to every node leader, and how a failure travels back: the opaque texts that the
 * engine carries. A plan is signed with the session's secret, so the digests in it are the root's whatever
 * the nodes between are; everything else is then checked against those digests.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { codeOfStatus, type ErrorCode, PythonMpiError, STATUS } from '../errors.ts';
import type { PackageSpec } from '../stage/package.ts';

const MAC_BYTES = 32;

/** The plan of a launch. */
export interface Plan {
  packages: readonly PackageSpec[];
}

function sign(secret: Buffer, body: Uint8Array): Buffer {
  return createHmac('sha256', secret).update('plan').update(body).digest();
}

/** A plan, signed. */
export function encodePlan<P extends object>(plan: P, secret: Buffer): Buffer {
  const body = Buffer.from(JSON.stringify(plan));
  return Buffer.concat([sign(secret, body), body]);
}

/** @throws PythonMpiError AUTHENTICATION when the root of this job did not write it */
export function decodePlan<P extends object>(bytes: Uint8Array, secret: Buffer): P {
  const body = bytes.subarray(MAC_BYTES);
  const mac = bytes.subarray(0, MAC_BYTES);
  if (mac.length !== MAC_BYTES || !timingSafeEqual(mac, sign(secret, body))) {
    throw new PythonMpiError('AUTHENTICATION', 'the announced packages are not those of the root');
  }
  return JSON.parse(Buffer.from(body).toString('utf8')) as P;
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
  try {
    const { message, host, hint } = JSON.parse(text) as Record<string, string | undefined>;
    if (typeof message === 'string') return new PythonMpiError(name, message, { host, hint });
  } catch {
    // No text of ours.
  }
  return new PythonMpiError(name, fallback);
}

/** What a node leader tells the other ranks of its node. */
export type LocalVerdict<Success extends object> =
  | Success
  | { failure: { code: number; text: string } };

/** The good verdict of a launch: where the packages are. */
export interface StagedHere {
  directory: string;
}
