/** A program that runs `size` ranks of the command in its arguments, and ends as the job did. */
import { LocalRanks } from '../../src/exec/ranks.ts';
import { shellStatus } from '../../src/outcome.ts';

const [size, ...command] = process.argv.slice(2);
const ranks = new LocalRanks({
  command: command as [string, ...string[]],
  size: Number(size),
  env: rank => ({ ...process.env, RANK: String(rank) }),
  descriptor: 20,
  connect: (rank, connection) => {
    connection.on('data', data => {
      if (String(data).startsWith('abort')) ranks.abort(rank, 9);
      else connection.write(`rank ${rank}\n`);
    });
    connection.on('error', () => {});
  },
  ended: () => {},
});
const { rank, outcome } = await ranks.ended();
process.stderr.write(`first failure: ${rank}\n`);
process.exit(shellStatus(outcome));
