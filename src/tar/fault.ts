/**
 * What can be wrong with an archive, said without naming it: its reader does not know its name.
 */
import { PythonMpiError } from '../errors.ts';

/** The bytes contradict themselves: no tool would read them, or each would read something else. */
export function corrupt(what: string, hint?: string): PythonMpiError {
  return new PythonMpiError('CORRUPT_PACKAGE', what, { hint });
}

/**
 * The archive is sound, but in a form that is not read here.
 * @param remedy how to make one that is, as one imperative clause
 */
export function unsupported(what: string, remedy: string): PythonMpiError {
  return new PythonMpiError('UNSUPPORTED_PACKAGE', what, { hint: remedy });
}
