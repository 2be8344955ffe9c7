/**
 * What runs at the start of every Python of a prefix: a line in a .pth file, which Python reads
 * whatever options it is given but -S, and the modules that it calls.
 */
import { join } from 'node:path';
import ABORT_HOOK from './abort-hook.py.ts';
import { OWN_DIRECTORY, writeOwn } from './own-directory.ts';
import STARTUP from './startup.py.ts';

/**
 * Of the files in its directory Python reads the first ones first, so no package comes before us.
 */
export const STARTUP_FILE = '00-python-mpi.pth';

/** What {@link startupLine} is about. All paths are absolute. */
export interface Startup {
  prefix: string;
  /** Directories of modules that the interpreter would not look into by itself. */
  sites: readonly string[];
  /** Such that come last. */
  behind: readonly string[];
  /** Directories of libraries that LD_LIBRARY_PATH has to name while the interpreter starts. */
  libraries: readonly string[];
}

/**
 * Puts the modules into a tree that is about to be published. @throws PythonMpiError as {@link
 * writeOwn}
 */
export function writeStartupModules(tree: string): void {
  writeOwn(tree, join(OWN_DIRECTORY, '_python_mpi.py'), STARTUP);
  writeOwn(tree, join(OWN_DIRECTORY, '_python_mpi_abort.py'), ABORT_HOOK);
}

/** The content of {@link STARTUP_FILE}. */
export function startupLine({ prefix, sites, behind, libraries }: Startup): string {
  const modules = pythonLiteral(join(prefix, OWN_DIRECTORY));
  const words = [prefix, sites, behind, libraries].map(pythonLiteral).join(', ');
  return (
    `import sys; sys.path.insert(0, ${modules}); import _python_mpi; ` +
    `_python_mpi.start(${words}); sys.path.remove(${modules})\n`
  );
}

/**
 * Python's literal for a text or list of texts, in ASCII: Pythons differ in how they read the file.
 */
function pythonLiteral(value: unknown): string {
  const escaped = (character: string) =>
    `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(value).replace(/[\u007f-\uffff]/g, escaped);
}
