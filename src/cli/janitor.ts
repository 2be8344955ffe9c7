/**
 * The program a node leader leaves its node to when it is killed: `janitor.cjs prefixes|drafts
 * DIRECTORY`. No user is there to read an error; what stays behind is swept by the next run.
 */
import type { CleanupKind } from '../launch/run.ts';
import { sweep } from '../launch/sweep.ts';
import { leave } from './leave.ts';

const [litter, directory] = process.argv.slice(2) as [CleanupKind, string];
sweep(litter, directory).then(
  () => leave(0),
  () => leave(1),
);
