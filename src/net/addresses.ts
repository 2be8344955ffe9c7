/**
 * Which of this node's addresses to publish. Knows interfaces, not sockets.
 */
import { networkInterfaces } from 'node:os';
import { PythonMpiError } from '../errors.ts';

/** Interfaces that never lead to another node. */
const VIRTUAL = /^(lo|docker|br-|veth|virbr|cni|flannel|podman)/;

/**
 * Numeric addresses at which other nodes may reach this one, most promising first: IPv4 before IPv6, both in
 * the order of the interfaces. Link-local addresses are left out, they mean nothing elsewhere.
 * @param only name of the one interface to use, when the user chose one
 * @throws PythonMpiError USAGE when that interface does not exist or has no address
 */
export function publishableAddresses(only?: string): string[] {
  const interfaces = networkInterfaces();
  const names =
    only === undefined ? Object.keys(interfaces).filter(name => !VIRTUAL.test(name)) : [only];
  const found = names
    .flatMap(name => interfaces[name] ?? [])
    .filter(entry => only !== undefined || (!entry.internal && !entry.address.startsWith('fe80:')));
  if (only !== undefined && found.length === 0) {
    throw new PythonMpiError('USAGE', `there is no interface '${only}' with an address`, {
      hint: `PYTHON_MPI_INTERFACE can be one of ${Object.keys(interfaces).join(', ')}`,
    });
  }
  const ordered = [
    ...found.filter(e => e.family === 'IPv4'),
    ...found.filter(e => e.family === 'IPv6'),
  ];
  return ordered.map(entry => entry.address);
}
