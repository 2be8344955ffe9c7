/**
 * How all our programs use commander: it prints nothing and ends nothing, its complaints are ours.
 */
import type { Command } from 'commander';
import { PythonMpiError } from '../errors.ts';

/**
 * Parses the words into the command's options and arguments.
 * @returns text to print instead of doing anything (help, version), or undefined
 * @throws PythonMpiError USAGE
 */
export function parseWith(command: Command, words: readonly string[]): string | undefined {
  let print: string | undefined;
  command.exitOverride().configureOutput({
    writeOut: text => {
      print = (print ?? '') + text;
    },
    writeErr: () => {},
  });
  try {
    command.parse(words, { from: 'user' });
  } catch (error) {
    const { code, message } = error as { code?: unknown; message: string };
    if (!String(code).startsWith('commander.')) throw error;
    if (print === undefined) {
      const line = message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ');
      throw new PythonMpiError('USAGE', line, { hint: `see '${command.name()} --help'` });
    }
  }
  return print;
}
