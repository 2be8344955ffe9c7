/**
 * A program that takes a prefix, or a draft of one, prints its directory, and holds it until
 * killed.
 *
 *     prefix-holder.ts CHROOT ID draft|hold [MEMBER-PID MEMBER-STARTED]
 */
import { Deadline } from '../../src/deadline.ts';
import { alive } from '../../src/exec/processes.ts';
import { PrefixStore } from '../../src/stage/prefix.ts';

const [chroot, id, what, pid, started] = process.argv.slice(2) as [
  string,
  string,
  string,
  string?,
  string?,
];
const deadline = Deadline.after(60_000);
const store = await PrefixStore.open(chroot, alive, deadline);
const draft = await store.begin(id, deadline);
let { directory } = draft;
if (what === 'hold') {
  const hold = await draft.publish(deadline);
  if (pid !== undefined && started !== undefined) hold.record([{ pid: Number(pid), started }]);
  directory = hold.directory;
}
process.stdout.write(`${directory}\n`);
process.stdin.resume(); // keeps the program, and its locks, alive
