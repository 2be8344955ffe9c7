/**
 * Runs an interpreter for the stage, which must not start programs itself.
 */
import type { Deadline } from '../deadline.ts';
import { PythonMpiError } from '../errors.ts';
import { runCommand } from '../exec/command.ts';
import { checkExecutable } from '../exec/executable.ts';
import type { RunProgram } from '../stage/interpreter.ts';

/**
 * Runs programs until the deadline.
 * @returns what throws NO_INTERPRETER when a program cannot be executed, and TIMEOUT
 */
export function runUntil(deadline: Deadline): RunProgram {
  return (file, args, env) => {
    try {
      checkExecutable(file);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      throw new PythonMpiError('NO_INTERPRETER', `cannot run ${file} (${code ?? message})`, {
        hint: 'put a Python into the packages or on PATH',
        cause: error,
      });
    }
    // Modules in the working directory are not meant.
    return runCommand(file, args, { env, cwd: '/' }, deadline, new AbortController().signal);
  };
}
