/**
 * PMI-2's wire form: the length of the body in six characters, then `cmd=NAME;key=value;...;`, both
 * ways. Pure.
 *
 * The protocol is described in MPICH's src/pmi/maint/pmi-2.0.txt. A semicolon inside a value is
 * doubled by MPICH's client and not at all by Slurm, so none is ever sent. The first exchange of a
 * session is not in this form but in PMI-1's.
 */
import { PythonMpiError } from '../../errors.ts';
import { type Fields, MAX_KEY, MAX_VALUE, type Message, shown } from '../message.ts';

/** Characters before a body that say how long it is. */
const LENGTH = 6;
/** Longest body in bytes taken from a peer. */
export const MAX_BODY = 8192;

const WORD = /^[\x21-\x3a\x3c-\x7e]+$/;
const PAIR = /([^=;]+)=((?:[^;]|;;)*);/y;

/**
 * A request, with its length.
 * @throws PythonMpiError INTERNAL when a field is not one printable ASCII word without semicolons,
 *   or a key or value of the KVS is too long
 */
export function formatRequest(command: string, fields: Fields = {}): string {
  let body = `cmd=${command};`;
  for (const [name, field] of Object.entries(fields)) {
    const word = String(field);
    const limit = name === 'value' ? MAX_VALUE : name === 'key' ? MAX_KEY : MAX_BODY;
    if (!WORD.test(word))
      throw new PythonMpiError('INTERNAL', `PMI ${name} is not one printable word`);
    if (word.length > limit)
      throw new PythonMpiError('INTERNAL', `PMI ${name} of ${word.length} bytes exceeds ${limit}`);
    body += `${name}=${word};`;
  }
  return `${String(body.length).padStart(LENGTH)}${body}`;
}

/**
 * The message a body says.
 * @throws PythonMpiError LAUNCHER when the body is no message
 */
export function parseBody(body: string): Message {
  const fields = new Map<string, string>();
  PAIR.lastIndex = 0;
  for (let at = 0; at < body.length; at = PAIR.lastIndex) {
    const [, key, value] = PAIR.exec(body) ?? [];
    if (key === undefined || value === undefined) throw foreign(body);
    fields.set(key, value.replaceAll(';;', ';'));
  }
  const command = fields.get('cmd');
  if (command === undefined) throw foreign(body);
  fields.delete('cmd');
  return { command, fields };
}

/**
 * Puts bodies together from what a socket happens to deliver. Every byte becomes the character of
 * its number.
 */
export class BodyReader {
  #rest = '';

  /**
   * Takes bytes.
   * @returns the bodies they complete
   * @throws PythonMpiError LAUNCHER when what should be a length is none, or exceeds {@link
   *   MAX_BODY}
   */
  push(bytes: Uint8Array): string[] {
    this.#rest += String.fromCharCode(...bytes);
    const bodies: string[] = [];
    while (this.#rest.length >= LENGTH) {
      const head = this.#rest.slice(0, LENGTH);
      const length = Number(head);
      if (!/^ *\d+ *$/.test(head) || length > MAX_BODY) throw foreign(this.#rest);
      if (this.#rest.length < LENGTH + length) break;
      bodies.push(this.#rest.slice(LENGTH, LENGTH + length));
      this.#rest = this.#rest.slice(LENGTH + length);
    }
    return bodies;
  }
}

function foreign(text: string): PythonMpiError {
  return new PythonMpiError('LAUNCHER', `not a PMI-2 message: ${shown(text)}`);
}
