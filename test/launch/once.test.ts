/** What all ranks find out, the user is told once. */
import { closeSync, openSync, readSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { modulePackage, pack, run } from '../support/job.ts';

const once = suite('launch: told once');

/** The head of an ELF file for a machine that does not exist. */
function foreignProgram(): Buffer {
  const head = Buffer.alloc(4096);
  const descriptor = openSync(process.execPath, 'r');
  readSync(descriptor, head);
  closeSync(descriptor);
  // e_machine, see elf(5).
  head.writeUInt16LE(0xfffe, 18);
  return head;
}

const launchers: Readonly<Record<string, { launcher?: string[]; args: string[] }>> = {
  'python-mpi -n 3': { args: ['-n', '3'] },
  'mpiexec.hydra -n 3': { launcher: ['mpiexec.hydra', '-n', '3'], args: [] },
};
const hello = await modulePackage('hello', '');
const foreign = await pack({ 'bin/python3': foreignProgram() });

for (const [name, { launcher, args }] of Object.entries(launchers)) {
  const start = (...more: string[]) =>
    run([...args, ...more, '-c', 'pass'], launcher === undefined ? {} : { launcher });

  once(`a package for another machine, under ${name}`, async () => {
    const { status, told, err } = await start('--python', '', '--packages', foreign);
    assert.is(status, 127, err);
    assert.is(told.length, 1, err);
    assert.match(told[0]!, /it is a program for another machine.*\[NO_INTERPRETER\]$/);
  });

  once(`an interpreter that is not there, without packages, under ${name}`, async () => {
    const { status, told, err } = await start('--python', '/nowhere/python3');
    assert.is(status, 127, err);
    assert.is(told.length, 1, err);
  });

  once(`a setting that makes no sense, under ${name}`, async () => {
    const { status, told, err } = await start('--timeout', 'soon');
    assert.is(status, 64, err);
    assert.is(told.length, 1, err);
  });

  once(`an interface that is not there, under ${name}`, async () => {
    const { status, told, err } = await start('--packages', hello, '--interface', 'none0');
    assert.is(status, 64, err);
    assert.is(told.length, 1, err);
    assert.match(told[0]!, /there is no interface 'none0'/);
  });
}

once.run();
