/** A program that says a line of so many bytes on standard output, as all programs do. */
import { STDOUT, say } from '../../src/output.ts';

say(STDOUT, `${'x'.repeat(Number(process.argv[2]))}\n`);
