/**
 * Writes a report: the trace under the name the user gave, the summary beside it. No reader sees
 * half of one.
 */
import { renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { PythonMpiError } from '../../errors.ts';
import type { RunRecord } from './record.ts';
import { summaryOf } from './summary.ts';
import { traceOf } from './trace.ts';

/** @throws PythonMpiError SYSTEM when a file cannot be written */
export async function writeReport(file: string, run: RunRecord): Promise<void> {
  replace(file, `${JSON.stringify(traceOf(run))}\n`);
  replace(`${file}.txt`, `${summaryOf(run).join('\n')}\n`);
}

function replace(file: string, text: string): void {
  const draft = `${file}.${process.pid}`;
  try {
    // What is no file, say a device, must not be replaced by one.
    if (statSync(file, { throwIfNoEntry: false })?.isFile() === false)
      throw new Error('not a file');
    writeFileSync(draft, text);
    renameSync(draft, file);
  } catch (cause) {
    rmSync(draft, { force: true });
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new PythonMpiError('SYSTEM', `cannot write the report ${file} (${code ?? message})`, {
      hint: 'the job goes on; let PYTHON_MPI_REPORT name a file in a directory that exists',
      cause,
    });
  }
}
