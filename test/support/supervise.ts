/** A program that supervises the program in its arguments and ends as that did. */
import { supervise } from '../../src/exec/python.ts';
import { shellStatus } from '../../src/outcome.ts';

const [file, ...args] = process.argv.slice(2);
const descriptor = process.env.TEST_FD === undefined ? undefined : Number(process.env.TEST_FD);
const child = await supervise({ file: file!, args, env: process.env, descriptor });
process.stderr.write(`child ${child.pid}\n`);
process.exit(shellStatus(await child.ended));
