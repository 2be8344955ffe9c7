/**
 * What Node runs first, given as one line by the starter: reads a program and runs it, at the cost of
 * one look-up. It gets the arguments
 *
 *     PROGRAM RANK [argument]...
 *
 * and finds variables that were not meant for this Node under other names, to give them back to the
 * program. tools/precompile.ts says what it reads.
 */
{
  const { readFileSync, writeSync } = require('node:fs');
  const { Script } = require('node:vm');

  /** As starter/node.c puts it in front of a name. */
  const HIDDEN = 'PYTHON_MPI_HIDDEN_';
  const [rank] = process.argv.splice(2, 1);
  delete process.env.MALLOC_ARENA_MAX;
  delete process.env.PYTHON_MPI_INHERITED;
  for (const name of Object.keys(process.env)) {
    if (!name.startsWith(HIDDEN)) continue;
    process.env[name.slice(HIDDEN.length)] = process.env[name];
    delete process.env[name];
  }
  const filename = process.argv[1];
  const read = () => {
    try {
      return readFileSync(filename);
    } catch {
      return undefined;
    }
  };
  const program = read();
  if (program) {
    const end = Number(program.toString('latin1', 2, 12));
    const cachedData = program.subarray(end);
    const script = new Script(program.toString('latin1', 0, end), { filename, cachedData });
    script.runInThisContext()(require, filename);
  } else {
    // Spelled without a backslash, which an echo of this line may take for a line break.
    const { EOL } = require('node:os');
    const line = `python-mpi: not built: ${filename} is missing; run make build [NO_RUNTIME]${EOL}`;
    if (rank === '0') writeSync(2, line);
    process.exitCode = 79;
  }
}
