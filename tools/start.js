/**
 * What Node runs first, as one line in bin/: reads a program and runs it, at the cost of one
 * look-up. It gets the arguments
 *
 *     PROGRAM RANK SELF LD_LIBRARY_PATH MALLOC_ARENA_MAX [argument]...
 *
 * where the last two of its own are `=` and what the user had exported, or empty.
 * tools/precompile.ts says what it reads.
 */
{
  const { readFileSync, realpathSync, writeSync } = require('node:fs');
  const { Script } = require('node:vm');

  const [rank, self, ...exported] = process.argv.splice(2, 4);
  for (const name of ['LD_LIBRARY_PATH', 'MALLOC_ARENA_MAX']) {
    const value = exported.shift();
    if (value) process.env[name] = value.slice(1);
    else delete process.env[name];
  }
  const read = file => {
    process.argv[1] = file;
    try {
      return readFileSync(file);
    } catch {
      return undefined;
    }
  };
  // Where it is not, bin/ was called through a symlink that lies beside another Node.
  const beside = () => realpathSync(self).replace(/bin.([^/]+)$/, 'dist/bin/$1.cjs');
  const program = read(process.argv[1]) ?? read(beside());
  const filename = process.argv[1];
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
