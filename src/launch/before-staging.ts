/**
 * What the root looks at before anything is sent: a run that could only fail afterwards does not
 * begin.
 */
import { accessSync, constants } from 'node:fs';
import { PythonMpiError } from '../errors.ts';
import { readWords } from './python-words.ts';

/**
 * Whether there is something to run, as far as that can be told without Python.
 * @param python Python's own words; files are relative to the working directory
 * @throws PythonMpiError USAGE
 */
export function checkProgram(python: readonly string[]): void {
  const { program } = readWords(python);
  if (program.kind !== 'script') return;
  const { file } = program;
  try {
    // A directory or archive of modules is a program, too.
    accessSync(file, constants.R_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new PythonMpiError('USAGE', `cannot read the script ${file} (${code})`, {
      hint: hintFor(file),
      cause: error,
    });
  }
}

function hintFor(file: string): string {
  return /^(.*\/)?python[\d.]*$/.test(file)
    ? `leave '${file}' out: python-mpi starts the Python`
    : `see whether it exists in ${process.cwd()}, where the root runs, and may be read`;
}
