/**
 * Whether the kernel will execute a file that may be executed, as far as its first bytes tell. To
 * be asked before: a failed execve(2) makes Node abort with a core, and a failed spawn makes libuv
 * run the file as a shell script.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { PythonMpiError } from '../errors.ts';

/** What the kernel reads of a script, see execve(2). */
const HEAD = 256;
/**
 * Where an ELF header says for which machine it is: word size, byte order, and the machine, two
 * bytes.
 */
const MACHINE = [4, 5, 18, 19] as const;

/** Node, without a look-up of where it lies. */
const OURSELVES = '/proc/self/exe';

/**
 * @param file path of an interpreter
 * @throws PythonMpiError NO_INTERPRETER when this machine cannot execute it
 */
export function checkInterpreter(file: string): void {
  try {
    checkExecutable(file);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new PythonMpiError('NO_INTERPRETER', `cannot run ${file} (${code ?? message})`, {
      seenBy: 'this node',
      hint: 'put a Python into the packages or on PATH',
      cause,
    });
  }
}

/**
 * @throws the system's error when a file cannot be read; an Error that says why it cannot be
 * executed
 */
export function checkExecutable(file: string): void {
  const head = headOf(file);
  if (head.toString('latin1', 0, 4) === '\x7fELF') {
    const ours = headOf(OURSELVES);
    if (MACHINE.every(at => head[at] === ours[at])) return;
    throw new Error('it is a program for another machine');
  }
  const [, interpreter] = /^#![ \t]*([^ \t\n]+)/.exec(head.toString('latin1')) ?? [];
  if (interpreter === undefined) throw new Error('it is neither a program nor a script');
  closeSync(openSync(Buffer.from(interpreter, 'latin1'), 'r'));
}

function headOf(file: string): Buffer {
  const descriptor = openSync(file, 'r');
  try {
    const head = Buffer.alloc(HEAD);
    return head.subarray(0, readSync(descriptor, head));
  } finally {
    closeSync(descriptor);
  }
}
