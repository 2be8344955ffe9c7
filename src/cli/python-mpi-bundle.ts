/**
 * The program python-mpi-bundle: command line and environment in, a package file and an exit status
 * out.
 */
import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isatty } from 'node:tty';
import packageJson from '../../package.json' with { type: 'json' };
import type { Context } from '../bundle/context.ts';
import { makePackage, type Request } from '../bundle/make.ts';
import { readManifest } from '../bundle/manifest.ts';
import { Deadline, now } from '../deadline.ts';
import { asPythonMpiError, PythonMpiError } from '../errors.ts';
import { runCommand } from '../exec/command.ts';
import { replaceStreams, STDERR, STDOUT, say } from '../output.ts';
import { parseBundleCommand } from './bundle.ts';
import { listing, ProgressBar, summary } from './bundle-report.ts';
import { leave } from './leave.ts';

const PROGRAM = 'python-mpi-bundle';
/** Bytes of a package that are read at a time. */
const POUR_BYTES = 1 << 20;

async function main(): Promise<void> {
  const command = await parseBundleCommand(process.argv.slice(2), process.env, packageJson.version);
  switch (command.do) {
    case 'print':
      say(STDOUT, command.text);
      return;
    case 'list':
      say(STDOUT, listing(await readManifest(command.file)));
      return;
    case 'make':
      // Compression runs on libuv's threads, of which there are four unless told so before the
      // first is needed.
      process.env.UV_THREADPOOL_SIZE ??= String(Math.max(4, command.request.width));
      return make(command.request, Deadline.after(command.timeoutMs));
  }
}

/** Whether what is read from a file has all been written to standard output. */
async function pour(file: string): Promise<boolean> {
  for await (const piece of createReadStream(file, { highWaterMark: POUR_BYTES })) {
    if (!say(STDOUT, piece as Buffer)) return false;
  }
  return true;
}

async function make(asked: Request, deadline: Deadline): Promise<void> {
  const isPoured = asked.output === '-';
  if (isPoured && isatty(STDOUT)) {
    throw new PythonMpiError('USAGE', 'a package is not for a terminal', {
      hint: 'redirect standard output, or name a file with -o',
    });
  }
  const start = now();
  const bar = new ProgressBar();
  const interrupt = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => interrupt.abort());
  }
  const scratch = await mkdtemp(join(tmpdir(), `${PROGRAM}-`));
  const request = isPoured ? { ...asked, output: join(scratch, 'package.tar.zst') } : asked;
  const context: Context = {
    run: (file, args, options = {}) =>
      runCommand(file, args, { env: process.env, ...options }, deadline, interrupt.signal),
    env: process.env,
    scratch,
    signal: interrupt.signal,
    progress: (phase, done, total) => bar.show(phase, done, total),
    warn: message => {
      bar.clear();
      say(STDERR, `${PROGRAM}: warning: ${message}\n`);
    },
  };
  try {
    const made = await makePackage(request, context);
    bar.clear();
    if (isPoured && !(await pour(made.file))) {
      throw new PythonMpiError('SYSTEM', 'standard output was closed before all was written');
    }
    const shown = isPoured ? { ...made, file: 'standard output' } : made;
    say(isPoured ? STDERR : STDOUT, summary(shown, (now() - start) / 1000));
  } catch (error) {
    // Whatever broke on the way out, the cause is that the user wanted to stop.
    if (interrupt.signal.aborted)
      throw new PythonMpiError('CANCELLED', 'cancelled; nothing was written');
    throw error;
  } finally {
    bar.clear();
    await rm(scratch, { recursive: true, force: true });
  }
}

replaceStreams();
main().then(
  () => leave(0),
  thrown => {
    const error = asPythonMpiError(thrown);
    say(STDERR, `${PROGRAM}: ${error.toLine()}\n`);
    leave(error.status);
  },
);
