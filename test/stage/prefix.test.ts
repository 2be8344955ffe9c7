import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Deadline } from '../../src/deadline.ts';
import type { ErrorCode, PythonMpiError } from '../../src/errors.ts';
import { alive, self } from '../../src/exec/processes.ts';
import { KernelLock } from '../../src/stage/lock.ts';
import { PrefixStore, prefixId } from '../../src/stage/prefix.ts';
import { checkSpace } from '../../src/stage/space.ts';
import { scratch } from '../support/scratch.ts';

const ID = 'abcdef0123456789abcdef0123456789';
const deadline = Deadline.after(60_000);

const open = (chroot: string) => PrefixStore.open(chroot, alive, deadline);

/** What is left in the user's directory beside its lock. */
function left(chroot: string): string[] {
  const home = path.join(chroot, `python-mpi-${process.getuid!()}`);
  return fs.readdirSync(home).filter(name => name !== 'lock');
}

async function refuses(work: () => unknown, code: ErrorCode, message: RegExp): Promise<void> {
  try {
    await work();
  } catch (error) {
    assert.is((error as PythonMpiError).code, code);
    assert.match((error as PythonMpiError).message, message);
    return;
  }
  assert.unreachable();
}

/** Another process that holds something; resolves when it does. */
async function holder(...args: string[]): Promise<{ child: ChildProcess; directory: string }> {
  const program = fileURLToPath(new URL('../support/prefix-holder.ts', import.meta.url));
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', program, ...args],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  const [line] = (await once(child.stdout!, 'data')) as [Buffer];
  return { child, directory: line.toString().trim() };
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

const ids = suite('prefix id');

ids('depends on content and order, and on nothing else', () => {
  const [a, b] = [{ sha256: 'a'.repeat(64) }, { sha256: 'b'.repeat(64) }];
  assert.match(prefixId([a, b]), /^[0-9a-f]{32}$/);
  assert.is(prefixId([a, b]), prefixId([{ ...a }, { ...b }]));
  assert.is(new Set([[a], [b], [a, b], [b, a], [a, a]].map(prefixId)).size, 5);
});

ids.run();

const directories = suite("user's directory");

directories('is private', async () => {
  const chroot = scratch();
  const store = await open(chroot);
  assert.is(fs.statSync(store.directory).mode & 0o777, 0o700);
  assert.is(path.dirname(store.directory), chroot);
});

directories('is refused unless no other user has a part in it', async () => {
  const name = `python-mpi-${process.getuid!()}`;
  const asFile = scratch();
  fs.writeFileSync(path.join(asFile, name), '');
  await refuses(() => open(asFile), 'CHROOT_UNUSABLE', /not a directory/);
  const asSymlink = scratch();
  fs.symlinkSync(scratch(), path.join(asSymlink, name));
  await refuses(() => open(asSymlink), 'CHROOT_UNUSABLE', /not a directory/);
  const asOpen = scratch();
  fs.mkdirSync(path.join(asOpen, name));
  fs.chmodSync(path.join(asOpen, name), 0o750);
  await refuses(() => open(asOpen), 'CHROOT_UNUSABLE', /open to other users/);
  await refuses(() => open(path.join(asOpen, 'missing')), 'CHROOT_UNUSABLE', /ENOENT/);
  if (process.getuid!() === 0) {
    const asOthers = scratch();
    fs.mkdirSync(path.join(asOthers, name), 0o700);
    fs.chownSync(path.join(asOthers, name), 65534, 65534);
    await refuses(() => open(asOthers), 'CHROOT_UNUSABLE', /belongs to user 65534/);
  }
});

directories('is changed by one at a time, and not waited for beyond the deadline', async () => {
  const chroot = scratch();
  const store = await open(chroot);
  const lock = KernelLock.take(path.join(store.directory, 'lock'))!;
  assert.is(KernelLock.take(path.join(store.directory, 'lock')), undefined);
  await refuses(() => store.find(ID, Deadline.after(0)), 'TIMEOUT', /lock/);
  const found = store.find(ID, deadline);
  lock.release();
  assert.is(await found, undefined);
});

directories.run();

const publishing = suite('publishing');

publishing('shows nothing before and everything after', async () => {
  const chroot = scratch();
  const store = await open(chroot);
  const draft = await store.begin(ID, deadline);
  fs.writeFileSync(path.join(draft.directory, 'file'), 'whole');
  assert.is(await store.find(ID, deadline), undefined);
  const hold = await draft.publish(deadline);
  assert.is(fs.readFileSync(path.join(hold.directory, 'file'), 'utf8'), 'whole');
  const found = await store.find(ID, deadline);
  assert.is(found?.directory, hold.directory);
  assert.not(fs.existsSync(draft.directory));
  await hold.release(false, deadline);
  assert.ok(fs.existsSync(hold.directory), 'the other hold is alive');
  await found!.release(false, deadline);
  assert.equal(left(chroot), []);
});

publishing('the same twice at once leaves the first', async () => {
  const chroot = scratch();
  const stores = await Promise.all([open(chroot), open(chroot), open(chroot)]);
  const drafts = await Promise.all(stores.map(store => store.begin(ID, deadline)));
  drafts.forEach((draft, i) => {
    fs.writeFileSync(path.join(draft.directory, 'maker'), `${i}`);
  });
  const holds = await Promise.all(drafts.map(draft => draft.publish(deadline)));
  const [directory] = [...new Set(holds.map(hold => hold.directory))];
  const maker = fs.readFileSync(path.join(directory!, 'maker'), 'utf8');
  assert.is(left(chroot).filter(name => name.startsWith('draft-')).length, 0);
  for (const hold of holds) {
    assert.is(fs.readFileSync(path.join(hold.directory, 'maker'), 'utf8'), maker);
    await hold.release(false, deadline);
  }
  assert.equal(left(chroot), []);
});

publishing('discarding leaves nothing, and others their prefix', async () => {
  const chroot = scratch();
  const store = await open(chroot);
  const draft = await store.begin(ID, deadline);
  const other = await (await store.begin(ID, deadline)).publish(deadline);
  await other.release(true, deadline);
  await draft.discard(deadline);
  assert.equal(left(chroot), [`prefix-${ID}`]);
});

publishing(
  'a kept prefix is found again and goes with the last hold that does not keep it',
  async () => {
    const chroot = scratch();
    const hold = await (await (await open(chroot)).begin(ID, deadline)).publish(deadline);
    await hold.release(true, deadline);
    assert.equal(left(chroot), [`prefix-${ID}`]);
    const again = await (await open(chroot)).find(ID, deadline);
    await again!.release(false, deadline);
    assert.equal(left(chroot), []);
  },
);

publishing.run();

const sweeping = suite('sweeping');

sweeping('leaves what another process holds, and removes it when that was killed', async () => {
  const chroot = scratch();
  const prefix = await holder(chroot, ID, 'hold');
  const draft = await holder(chroot, 'ffff', 'draft');
  await open(chroot);
  assert.ok(fs.existsSync(prefix.directory));
  assert.ok(fs.existsSync(draft.directory));
  await kill(prefix.child);
  await kill(draft.child);
  await open(chroot);
  assert.equal(left(chroot), []);
});

sweeping('leaves what the members of a killed holder still use', async () => {
  const chroot = scratch();
  const { pid, started } = self();
  const { child, directory } = await holder(chroot, ID, 'hold', `${pid}`, started);
  await kill(child);
  await open(chroot);
  assert.ok(fs.existsSync(directory), 'this process is a member');
  const others = await PrefixStore.open(chroot, () => false, deadline);
  assert.equal(left(chroot), []);
  assert.is(await others.find(ID, deadline), undefined);
});

sweeping('knows a member from another process of the same pid', async () => {
  const chroot = scratch();
  const { child } = await holder(chroot, ID, 'hold', `${process.pid}`, '1');
  await kill(child);
  await open(chroot);
  assert.equal(left(chroot), []);
});

sweeping('leaves a prefix whose other holder lives when one was killed', async () => {
  const chroot = scratch();
  const { child, directory } = await holder(chroot, ID, 'hold');
  const hold = await (await open(chroot)).find(ID, deadline);
  await kill(child);
  await open(chroot);
  assert.ok(fs.existsSync(directory));
  await hold!.release(false, deadline);
  assert.equal(left(chroot), []);
});

sweeping('leaves a prefix that is kept when another holder was killed', async () => {
  const chroot = scratch();
  const { child } = await holder(chroot, ID, 'hold');
  const hold = await (await open(chroot)).find(ID, deadline);
  await kill(child);
  await hold!.release(true, deadline);
  assert.equal(left(chroot), [`prefix-${ID}`]);
});

sweeping('finishes the removal that another process began', async () => {
  const chroot = scratch();
  const { directory } = await open(chroot);
  fs.mkdirSync(path.join(directory, 'trash-1234', 'deep'), { recursive: true });
  await open(chroot);
  assert.equal(left(chroot), []);
});

sweeping.run();

const space = suite('space');

space('is there or said to be missing', async () => {
  checkSpace(scratch(), 1);
  await refuses(
    () => checkSpace(scratch(), 1e18),
    'NO_SPACE',
    /has \d+ MB free where 1000000000000 MB are needed/,
  );
  await refuses(() => checkSpace('/does/not/exist', 1), 'CHROOT_UNUSABLE', /ENOENT/);
});

const isRoot = process.getuid!() === 0;
if (!isRoot) console.log('skipped: only root may mount a tmpfs without limit');

(isRoot ? space : space.skip)('of a file system without limit is there', () => {
  const directory = scratch();
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=0', 'tmpfs', directory]);
  try {
    checkSpace(directory, 1e18);
  } finally {
    execFileSync('umount', [directory]);
  }
});

space.run();
