/**
 * The program a node leader leaves its node to when it is killed: `janitor.cjs CHROOT`. Nobody is there to read
 * an error; whatever stays behind is swept by the next run.
 */
import { sweep } from '../launch/sweep.ts';

sweep(process.argv[2]!).catch(() => process.exit(1));
