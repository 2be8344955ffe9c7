/**
 * Which of this node's addresses to publish. Knows interfaces, not sockets.
 */
import { lookup } from 'node:dns/promises';
import { hostname, networkInterfaces } from 'node:os';
import { Deadline } from '../deadline.ts';
import { PythonMpiError } from '../errors.ts';

/** Interfaces that never lead to another node. */
const VIRTUAL = /^(lo|docker|br-|veth|virbr|cni|flannel|podman)/;

/** Addresses that mean nothing on another node. */
const LINK_LOCAL = /^(fe80:|169\.254\.)/i;
/** How long it may take to ask for the node's own name, in milliseconds. */
const NAME_MS = 1000;

/**
 * Numeric addresses at which other nodes may reach this one, most promising first: those that the
 * node's own name stands for, because that is what the site calls it by; then IPv4 before IPv6,
 * both in the order of the interfaces.
 * @param only name of the one interface to use, when the user chose one
 * @throws PythonMpiError USAGE when that interface does not exist or has no address
 */
export async function publishableAddresses(only?: string): Promise<string[]> {
  const interfaces = networkInterfaces();
  const isWanted = (name: string) => (only === undefined ? !VIRTUAL.test(name) : name === only);
  const found = Object.entries(interfaces)
    .flatMap(([name, entries]) => (isWanted(name) ? (entries ?? []) : []))
    .filter(entry => !LINK_LOCAL.test(entry.address) && (only !== undefined || !entry.internal));
  if (only !== undefined && found.length === 0) {
    throw new PythonMpiError('USAGE', `there is no interface '${only}' with an address`, {
      hint: `PYTHON_MPI_INTERFACE can be one of ${Object.keys(interfaces).join(', ')}`,
    });
  }
  const named = found.length > 1 ? await addressesOf(hostname()) : [];
  const rank = ({ address, family }: { address: string; family: string }) =>
    named.includes(address) ? 0 : family === 'IPv4' ? 1 : 2;
  return found.toSorted((a, b) => rank(a) - rank(b)).map(entry => entry.address);
}

/**
 * The addresses that a name stands for here; none where it stands for none or no answer comes in
 * time.
 */
async function addressesOf(name: string): Promise<string[]> {
  const asked = lookup(name, { all: true });
  try {
    const found = await Deadline.after(NAME_MS).wait(asked, `the address of ${name}`);
    return found.map(({ address }) => address);
  } catch {
    return [];
  }
}
