import { constants } from 'node:fs';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Deadline } from '../../src/deadline.ts';
import { dialPort } from '../../src/pmi/channel.ts';
import { runJob } from '../support/pmi-server.ts';

const probe = [
  process.execPath,
  fileURLToPath(new URL('../support/pmi-probe.ts', import.meta.url)),
];

const channel = suite('channel');

channel('the program after us gets the descriptor under its number, and blocking', async () => {
  for (const descriptor of [3, 11, 20]) {
    const command = [...probe, '--', 'sh', '-c', 'grep flags: /proc/self/fdinfo/$PMI_FD'];
    const { ranks } = await runJob({ command, size: 1, descriptor });
    const [, flags] = /^flags:\s+(\d+)\n/.exec(ranks[0]!.output) ?? [];
    assert.ok(flags, ranks[0]!.output);
    assert.is(Number.parseInt(flags!, 8) & constants.O_NONBLOCK, 0);
  }
});

channel('TCP carries bytes both ways, and an end is an end', async () => {
  const listener = createServer().listen(0, '::1');
  await new Promise(resolve => listener.once('listening', resolve));
  const { port } = listener.address() as AddressInfo;
  const accepted = new Promise<Socket>(resolve => listener.once('connection', resolve));
  // The host part may itself contain colons.
  const tcp = await dialPort('PORT', `::1:${port}`, Deadline.after(60_000));
  const peer = await accepted;
  await tcp.write(Buffer.from('request'));
  assert.is(String(await new Promise(resolve => peer.once('data', resolve))), 'request');
  peer.end('reply');
  assert.is(Buffer.from((await tcp.read())!).toString(), 'reply');
  assert.is(await tcp.read(), undefined);
  tcp.close();
  listener.close();
});

channel.run();
