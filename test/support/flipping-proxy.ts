/**
 * A cable that errs once: listens on a port, passes everything on to the same port of a host, and
 * turns one bit of what comes back on the first connection that lasts long enough:
 * `flipping-proxy.ts PORT HOST BYTE`.
 */
import { connect, createServer } from 'node:net';

const [port, host, byte] = process.argv.slice(2) as [string, string, string];
let flipped = false;

createServer(client => {
  const server = connect(Number(port), host);
  let passed = 0;
  client.on('error', () => server.destroy());
  server.on('error', () => client.destroy());
  server.on('data', chunk => {
    const at = Number(byte) - passed;
    passed += chunk.length;
    if (!flipped && at >= 0 && at < chunk.length) {
      chunk[at]! ^= 0x10;
      flipped = true;
      console.log('flipped');
    }
  });
  server.pipe(client);
  client.pipe(server);
}).listen(Number(port), () => console.log('listening'));
