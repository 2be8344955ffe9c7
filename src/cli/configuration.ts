/**
 * What the user can set, once: each variable PYTHON_MPI_<NAME> has a long option of the same name,
 * and the option wins. The only reader of the process environment.
 */
import { resolve } from 'node:path';
import { PythonMpiError } from '../errors.ts';
import type { Configuration } from '../launch/run.ts';

export interface Setting {
  /** Long option without its dashes; the variable is derived from it. */
  name: string;
  /** Placeholder of the value in the help; a switch has none. */
  value?: string;
  help: string;
  /**
   * It decides what is staged, and where: ranks of one run agree on it, and those of others may
   * not.
   */
  stages?: true;
}

export const SETTINGS = [
  {
    name: 'packages',
    value: 'LIST',
    help: 'package tarballs, colon-separated, later ones override earlier ones',
    stages: true,
  },
  {
    name: 'pkgroot',
    value: 'DIR',
    help: 'directory that relative names in the list start from',
    stages: true,
  },
  {
    name: 'chroot',
    value: 'DIR',
    help: 'node-local directory to unpack into (default /dev/shm)',
    stages: true,
  },
  {
    name: 'python',
    value: 'FILE',
    help: 'interpreter to use instead of the staged one or the one on PATH',
    stages: true,
  },
  { name: 'launcher', value: 'NAME', help: 'do not detect the launcher, it is this one' },
  { name: 'interface', value: 'NAME', help: 'network interface to listen and be reached at' },
  { name: 'port-range', value: 'FIRST-LAST', help: 'TCP ports to listen on' },
  { name: 'tree', value: 'SHAPE', help: 'auto, binomial, binary or chain (default auto)' },
  { name: 'timeout', value: 'SECONDS', help: 'longest time staging may take (default 600)' },
  { name: 'keep', help: 'leave the unpacked packages on the nodes for the next run', stages: true },
  {
    name: 'tolerate-lost-nodes',
    help: 'go on without nodes that are lost while packages are staged',
  },
  { name: 'encrypt', help: 'encipher the packages, too, on their way between nodes' },
  { name: 'quiet', help: 'say nothing when all has gone well' },
  { name: 'verbose', help: 'tell the story of the run on stderr' },
  { name: 'report', value: 'FILE', help: 'write a timeline of the run, and a summary to FILE.txt' },
] as const satisfies readonly Setting[];

export type SettingName = (typeof SETTINGS)[number]['name'];

/** Shapes of the tree that can be wanted. */
const SHAPES: readonly Configuration['tree'][] = ['auto', 'binomial', 'binary', 'chain'];

/** The longest timeout accepted, in seconds: a week. */
const MAX_TIMEOUT = 7 * 24 * 3600;

export function variableOf(name: string): string {
  return `PYTHON_MPI_${name.toUpperCase().replaceAll('-', '_')}`;
}

/**
 * Combines options and environment.
 * @param options values of long options, by name; a switch that was given is 'true'
 * @throws PythonMpiError USAGE naming the option or variable whose value makes no sense
 */
export function configure(
  options: Partial<Record<SettingName, string>>,
  env: NodeJS.ProcessEnv,
  cwd: string,
): Configuration {
  const given = (name: SettingName): string | undefined => {
    const value = options[name] ?? env[variableOf(name)];
    return value === '' ? undefined : value;
  };
  const origin = (name: SettingName) =>
    options[name] === undefined ? variableOf(name) : `--${name}`;
  const wrong = (name: SettingName, wanted: string): never => {
    throw new PythonMpiError('USAGE', `${origin(name)} is '${given(name)?.slice(0, 100)}'`, {
      hint: `it must be ${wanted}`,
    });
  };
  const flag = (name: SettingName): boolean => {
    const value = given(name)?.toLowerCase();
    if (value === undefined || ['0', 'no', 'false', 'off'].includes(value)) return false;
    if (['1', 'yes', 'true', 'on'].includes(value)) return true;
    return wrong(name, '0 or 1');
  };
  const directory = (name: SettingName, fallback: string): string => {
    const value = given(name) ?? fallback;
    return value.startsWith('/') ? value : wrong(name, 'an absolute path');
  };
  const file = (name: SettingName): string | undefined => {
    const value = given(name);
    return value === undefined ? undefined : resolve(cwd, value);
  };
  const portRange = (): Configuration['reach']['ports'] => {
    const text = given('port-range');
    if (text === undefined) return undefined;
    const [, low, high] = /^(\d{1,5})-(\d{1,5})$/.exec(text) ?? [];
    const [first, last] = [Number(low), Number(high)];
    if (first >= 1 && first <= last && last <= 65535) return { first, last };
    return wrong('port-range', 'two ports from 1 to 65535, such as 50000-50100');
  };
  const shape = SHAPES.find(name => name === (given('tree')?.toLowerCase() ?? 'auto'));
  if (shape === undefined) return wrong('tree', SHAPES.join(', '));
  const seconds = Number(given('timeout') ?? 600);
  if (!(seconds > 0 && seconds <= MAX_TIMEOUT))
    wrong('timeout', `a number of seconds up to ${MAX_TIMEOUT}`);
  return {
    packages: (given('packages') ?? '').split(':').filter(name => name !== ''),
    pkgroot: directory('pkgroot', cwd),
    chroot: directory('chroot', '/dev/shm'),
    python: given('python'),
    launcher: given('launcher'),
    reach: { interface: given('interface'), ports: portRange() },
    tree: shape,
    timeout: seconds * 1000,
    keep: flag('keep'),
    tolerateLostNodes: flag('tolerate-lost-nodes'),
    encrypt: flag('encrypt'),
    verbose: flag('verbose'),
    quiet: flag('quiet'),
    report: file('report'),
  };
}
