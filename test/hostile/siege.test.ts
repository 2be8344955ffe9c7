/**
 * A running leader under a flood of connections, of which many never end what they say: its job
 * ends well.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { pause } from '../../src/deadline.ts';
import { intrude } from '../support/intruder.ts';
import { modulePackage, start } from '../support/job.ts';
import { Random } from '../support/random.ts';
import { scratch } from '../support/scratch.ts';

const hello = await modulePackage('hello', 'WORD = "first"\n');

const flood = suite('a job under siege');
const reachable = Object.values(networkInterfaces())
  .flat()
  .some(entry => entry && !entry.internal);
const besieged = reachable ? flood : flood.skip;
if (!reachable) console.log('skipped: no network interface but lo');

/** Descriptors a leader needs for itself: a few files, its links, and what Node keeps. */
const OWN = 100;

for (const [limit, strangers] of [
  [8192, 1024],
  [256, 64],
] as const)
  besieged(`by 1,500 attackers, ${limit} descriptors: it ends well, in bounded memory`, () =>
    besiege(limit, strangers),
  );

async function besiege(limit: number, strangers: number): Promise<void> {
  // Two nodes, as far as Hydra knows; the second starts when the siege is complete.
  const gate = join(scratch(), 'gate');
  const wait = `ulimit -n ${limit}; [ $PMI_RANK = 0 ] || until [ -e ${gate} ]; do sleep 0.05; done; exec "$@"`;
  const launcher = ['mpiexec.hydra', '-launcher', 'fork', '-hosts', 'localhost:1,127.0.0.1:1'];
  const job = start(['--verbose', '--packages', hello, '-c', 'import hello; print(hello.WORD)'], {
    launcher: [...launcher, '-n', '2', 'sh', '-c', wait, 'sh'],
  });
  const leader = await leaderOf(job.chroot);
  const ports = await portsOf(leader);
  let over = false;
  let attacks = 0;
  const random = new Random(3);
  const attack = async (how: number) => {
    while (!over) {
      attacks++;
      const { socket, closed } = intrude(random.of(ports));
      if (how === 1) socket.write(Buffer.concat([Buffer.from('PMPI\x01\x01'), Buffer.alloc(26)]));
      if (how === 2) socket.write(Buffer.alloc(50_000, 1));
      while (how === 3 && !over && !socket.destroyed) {
        socket.write('P');
        await pause(200);
      }
      besieging.add(socket);
      await closed;
      besieging.delete(socket);
      await pause(20 + random.below(50));
    }
  };
  const besieging = new Set<Socket>();
  const attackers = Array.from({ length: 1500 }, (_, i) => attack(i % 4));
  while (attacks < 1500) await pause(20);
  writeFileSync(gate, '');
  let [descriptors, megabytes] = [0, 0];
  const watching = (async () => {
    while (!over) {
      try {
        descriptors = Math.max(descriptors, readdirSync(`/proc/${leader}/fd`).length);
        const status = readFileSync(`/proc/${leader}/status`, 'latin1');
        megabytes = Math.max(megabytes, Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1000);
      } catch {
        return; // it has become Python, or ended
      }
      await pause(10);
    }
  })();
  const done = await job.ended;
  over = true;
  for (const socket of besieging) socket.destroy();
  await Promise.all([...attackers, watching]);
  console.log(
    `${attacks} attacks; leader: ${descriptors} descriptors, ${Math.round(megabytes)} MB`,
  );
  assert.is(done.status, 0, done.err.slice(0, 2000));
  assert.is(done.out, 'first\nfirst\n');
  assert.ok(descriptors < strangers + OWN, `${descriptors} descriptors`);
  assert.ok(megabytes < 300, `${megabytes} MB`);
}

/** The process of rank 0 of the job with this chroot. */
async function leaderOf(chroot: string): Promise<number> {
  for (;;) {
    for (const pid of readdirSync('/proc').filter(name => /^\d+$/.test(name))) {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'latin1');
        const env = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
        const isLeader = ['PMI_RANK=0', `PYTHON_MPI_CHROOT=${chroot}`].every(word =>
          env.includes(word),
        );
        if (isLeader && /python-mpi\.cjs/.test(command)) return Number(pid);
      } catch {
        // It has gone.
      }
    }
    await pause(50);
  }
}

/** The TCP ports on which a process listens, once there is one. */
async function portsOf(pid: number): Promise<number[]> {
  for (;;) {
    const ss = spawn('ss', ['-Hltnp'], { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    ss.stdout.on('data', data => (text += data));
    await once(ss, 'close');
    const ports = text
      .split('\n')
      // What it has inherited is the launcher's, who does not stand a siege.
      .filter(line => line.includes(`pid=${pid},`) && line.split('pid=').length === 2)
      .map(line => Number(/:(\d+)\s/.exec(line)?.[1]));
    if (ports.length > 0) return ports;
    await pause(50);
  }
}

flood.run();
