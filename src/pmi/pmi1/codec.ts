/**
 * PMI-1's wire form: one line a message, `cmd=NAME key=value ...`, both ways. Pure.
 *
 * The protocol is described in MPICH's src/pmi/maint/pmi-1.1.txt and in Flux RFC 13. It has no
 * escapes: a space ends a value. Slurm takes each request from one read of at most 1024 bytes,
 * hence the limits on what is sent. Replies are looked up by key, because their order is each
 * server's own.
 */
import { PythonMpiError } from '../../errors.ts';
import { type Fields, MAX_KEY, MAX_VALUE, type Message, shown } from '../message.ts';

/** Longest request in bytes, without its line break. */
export const MAX_REQUEST = 1023;
/**
 * Longest line in bytes taken from a peer. Servers may answer a full request with something longer.
 */
export const MAX_LINE = 4096;

/** Bytes that become characters at a time. */
const PORTION = 4096;

/** What a line says. A message of several lines (spawn) is `multiline`. */
export interface LineMessage extends Message {
  readonly multiline: boolean;
}

const WORD = /^[\x21-\x7e]+$/;
/**
 * The name of a KVS is the server's own and goes back as it came: Flux begins it with a letter
 * beyond ASCII.
 */
const FOREIGN_WORD = /^[\x21-\x7e\x80-\xff]+$/;

/** A reply, with its line break. What goes into it must be free of line breaks. */
export function formatLine(command: string, fields: Fields = {}): string {
  let line = `cmd=${command}`;
  for (const [key, value] of Object.entries(fields)) line += ` ${key}=${value}`;
  return `${line}\n`;
}

/**
 * A request, with its line break.
 * @throws PythonMpiError INTERNAL when a field is not one printable ASCII word, or a key of the
 *   KVS, a value or the whole is too long
 */
export function formatRequest(command: string, fields: Fields = {}): string {
  for (const [name, field] of Object.entries(fields)) {
    const word = String(field);
    const limit = name === 'value' ? MAX_VALUE : name === 'key' ? MAX_KEY : MAX_REQUEST;
    if (!(name === 'kvsname' ? FOREIGN_WORD : WORD).test(word))
      throw new PythonMpiError('INTERNAL', `PMI ${name} is not one printable word`);
    if (word.length > limit)
      throw new PythonMpiError('INTERNAL', `PMI ${name} of ${word.length} bytes exceeds ${limit}`);
  }
  const line = formatLine(command, fields);
  if (line.length > MAX_REQUEST + 1)
    throw new PythonMpiError(
      'INTERNAL',
      `PMI request of ${line.length - 1} bytes exceeds ${MAX_REQUEST}`,
    );
  return line;
}

/** A line as it goes on the wire: a byte for every character, as {@link LineReader} reads it. */
export function encodeLine(line: string): Uint8Array {
  return Uint8Array.from(line, character => character.charCodeAt(0));
}

/**
 * The message a line says.
 *
 * A word without `=` continues the value before it: Flux sends values that contain spaces.
 * @throws PythonMpiError LAUNCHER when the line is no message
 */
export function parseLine(line: string): LineMessage {
  const [head = '', ...words] = line.split(' ');
  const [, multi, command] = /^(m?)cmd=(.+)$/.exec(head) ?? [];
  if (command === undefined)
    throw new PythonMpiError('LAUNCHER', `not a PMI-1 message: ${shown(line)}`);
  const fields = new Map<string, string>();
  let last: string | undefined;
  for (const word of words) {
    const equals = word.indexOf('=');
    if (equals > 0) {
      last = word.slice(0, equals);
      fields.set(last, word.slice(equals + 1));
    } else if (last !== undefined) {
      fields.set(last, `${fields.get(last)} ${word}`);
    } else if (word !== '') {
      throw new PythonMpiError('LAUNCHER', `not a PMI-1 message: ${shown(line)}`);
    }
  }
  return { command, multiline: multi === 'm', fields };
}

/**
 * Puts lines together from what a socket happens to deliver. Every byte becomes the character of
 * its number.
 */
export class LineReader {
  #rest = '';

  /**
   * Takes bytes.
   * @returns the lines they complete, without line breaks
   * @throws PythonMpiError LAUNCHER when a line exceeds {@link MAX_LINE}
   */
  push(bytes: Uint8Array): string[] {
    let text = this.#rest;
    // In portions: a call takes only so many arguments.
    for (let at = 0; at < bytes.length; at += PORTION)
      text += String.fromCharCode(...bytes.subarray(at, at + PORTION));
    const lines = text.split('\n');
    this.#rest = lines.pop()!;
    for (const line of [...lines, this.#rest]) {
      if (line.length > MAX_LINE)
        throw new PythonMpiError(
          'LAUNCHER',
          `PMI-1 line longer than ${MAX_LINE} bytes: ${shown(line)}`,
        );
    }
    return lines;
  }
}
