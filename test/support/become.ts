/** A program that becomes the program in its arguments. */
import { become } from '../../src/exec/python.ts';

const [file, ...args] = process.argv.slice(2);
const descriptor = process.env.TEST_FD === undefined ? undefined : Number(process.env.TEST_FD);
become({ file: file!, args, env: { ...process.env, UNSET: undefined }, descriptor });
process.stderr.write('still here\n');
