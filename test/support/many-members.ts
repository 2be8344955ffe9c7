/**
 * Reads an archive of ten million members, which is made as it is read, and prints how that ends
 * and the most memory it took in megabytes. For a process of its own.
 *
 *     node many-members.ts (files | directories | deep | same | globals)
 */
import { asPythonMpiError } from '../../src/errors.ts';
import { Placement } from '../../src/stage/unpack/placement.ts';
import { TarReader } from '../../src/tar/read.ts';
import { member, pax } from './tar-builder.ts';

const MEMBERS = 10_000_000;

const KINDS: Record<string, (index: number) => Buffer> = {
  files: i => renamed(file, `site-packages/package-${i >> 8}/module-${i}.py`),
  directories: i => renamed(directory, `site-packages/directory-${i}`),
  deep: i => renamed(directory, `${'d/'.repeat(40)}${i}`),
  same: () => file,
  // Records that say nothing of use, each header with others.
  globals: i => pax({ [`COMMENT.${i}`]: 'x'.repeat(100_000) }, 'g'),
};

const file = member({ name: 'f' });
const directory = member({ name: 'd', type: '5' });

/** The header with another name, and its checksum brought up to date. */
function renamed(header: Buffer, name: string): Buffer {
  let sum = Number.parseInt(header.toString('latin1', 148, 154), 8);
  for (let i = 0; i < 100; i++) sum -= header[i]!;
  header.fill(0, 0, 100);
  header.write(name, 'latin1');
  for (let i = 0; i < 100; i++) sum += header[i]!;
  header.write(sum.toString(8).padStart(6, '0'), 148, 'latin1');
  return header;
}

const make = KINDS[process.argv[2]!]!;
const count = process.argv[2] === 'globals' ? 20_000 : MEMBERS;
const placement = new Placement();
const reader = new TarReader({
  member: next => void placement.add(next),
  content: () => {},
  memberEnd: () => {},
});
let ended = 'read';
try {
  for (let i = 0; i < count; i++) reader.push(make(i));
} catch (thrown) {
  ended = asPythonMpiError(thrown).toLine();
}
const megabytes = Math.round(process.resourceUsage().maxRSS / 1000);
process.stdout.write(`${JSON.stringify({ ended, megabytes })}\n`);
