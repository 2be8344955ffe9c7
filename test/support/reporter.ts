/**
 * A node of another process that reports to a root on this machine: `reporter PORT SECRET`. Says
 * when its clock began.
 */
import { silent } from '../../src/log.ts';
import { Reports } from '../../src/net/reports.ts';

const [port, secret] = process.argv.slice(2) as [string, string];
process.send!(performance.timeOrigin);
const reports = new Reports({
  position: 1,
  count: 2,
  secret: Buffer.from(secret, 'hex'),
  log: silent,
});
const endpoints = [{ host: '127.0.0.1', port: Number(port) }];
await reports.conclude({ from: 1 }, 2, 60_000, [{ host: 'root', endpoints, local: '' }]);
process.disconnect();
