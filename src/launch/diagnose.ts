/**
 * What a report of a problem needs: the launcher's environment, what detection made of it, and what
 * the node is like. Speaks to no launcher and starts nothing, so it works where a run does not.
 */
import { readFileSync, statfsSync } from 'node:fs';
import {
  arch,
  availableParallelism,
  hostname,
  networkInterfaces,
  release,
  totalmem,
} from 'node:os';
import { asPythonMpiError } from '../errors.ts';
import { publishableAddresses } from '../net/addresses.ts';
import { detect } from '../pmi/detect.ts';
import { RANK_VARIABLES } from '../pmi/rank-variables.ts';
import { secretOrigin } from '../pmi/secret.ts';
import { mountOf, parseMountinfo } from '../stage/mounts.ts';
import type { Configuration } from './run.ts';

/** Beginnings of the variables that launchers, MPI libraries, containers and this program set. */
const OF_LAUNCHERS =
  /^(ALPS|APPTAINER|CRAY|FI|FLUX|HYD|HYDRA|HYDI|I_MPI|JSM|LSB|LSF|MPI|MPICH|MPIEXEC|MPIR|MPIRUN|MPISPAWN|MV2|NODE|OMPI|OPAL|ORTE|PALS|PBS|PMI|PMIX|PODMAN|PRTE|PRTERUN|PYTHON|SINGULARITY|SHIFTER|SLURM|SLURMD|UCX)_|^(PYTHON\w*|MPI4PY\w*|PATH|LD_LIBRARY_PATH|LD_PRELOAD|TMPDIR|container)$/;
/** Words in the names of variables whose values are secret. */
const SECRET = /SECRET|TOKEN|PASS|KEY|COOKIE|CRED|AUTH|MUNGE/i;
/** Longest value that is shown. */
const LONG = 300;
/** Limits that have kept ranks from working. */
const LIMITS = /^Max (processes|open files|locked memory|address space|file size) /;

/**
 * The lines to paste into a report. The first rank's are all of them, another rank's say who it is.
 * @param version of python-mpi
 */
export async function diagnose(
  configuration: Pick<Configuration, 'chroot' | 'launcher' | 'reach'>,
  env: NodeJS.ProcessEnv,
  version: string,
): Promise<string[]> {
  const story: string[] = [];
  let launcher: string;
  try {
    const { name, why } = detect(env, line => story.push(line), configuration.launcher);
    launcher = `${name} (${why})`;
  } catch (thrown) {
    launcher = `none: ${asPythonMpiError(thrown).toLine()}`;
  }
  const rank = RANK_VARIABLES.find(({ name }) => env[name]);
  const who = rank === undefined ? 'no rank' : `${rank.name}=${env[rank.name]}`;
  const self = `${hostname()}: ${who}, launcher ${launcher}`;
  if (rank !== undefined && env[rank.name] !== '0') return [self];
  return [
    `python-mpi ${version}, Node ${process.version} on ${arch()}`,
    self,
    '',
    ...section('detection', story),
    ...section('environment', environmentOf(env)),
    ...section('secret', [secretOf(env)]),
    ...section('addresses', await addressesOf(configuration)),
    ...section('machine', machine()),
    ...section(
      'limits',
      linesOf('/proc/self/limits').filter(line => LIMITS.test(line)),
    ),
    ...section('mounts', mounts(configuration.chroot, env)),
  ];
}

function section(title: string, lines: readonly string[]): string[] {
  return [`[${title}]`, ...lines, ''];
}

/** The variables that say something about a job, without what is secret in them. */
export function environmentOf(env: NodeJS.ProcessEnv): string[] {
  return Object.entries(env)
    .filter(([name]) => OF_LAUNCHERS.test(name))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value = '']) => {
      if (SECRET.test(name)) return `${name}=(${value.length} characters, not shown)`;
      const text = value.replace(/[\x00-\x1f\x7f]+/g, ' ');
      return `${name}=${text.length > LONG ? `${text.slice(0, LONG)}...` : text}`;
    });
}

function secretOf(env: NodeJS.ProcessEnv): string {
  const origin = secretOrigin(env);
  if (origin === undefined) return 'none in the environment, and no MUNGE';
  return 'munge' in origin ? `MUNGE at ${origin.munge}` : `in ${origin.variable}`;
}

async function addressesOf({ reach }: Pick<Configuration, 'reach'>): Promise<string[]> {
  const all = Object.entries(networkInterfaces()).map(
    ([name, entries]) => `${name}: ${(entries ?? []).map(({ cidr }) => cidr).join(' ')}`,
  );
  try {
    return [...all, `to be reached at ${(await publishableAddresses(reach.interface)).join(' ')}`];
  } catch (thrown) {
    return [...all, asPythonMpiError(thrown).toLine()];
  }
}

function machine(): string[] {
  const system = linesOf('/etc/os-release').find(line => line.startsWith('PRETTY_NAME='));
  return [
    `Linux ${release()}, ${system?.slice('PRETTY_NAME='.length) ?? 'unknown distribution'}`,
    `${availableParallelism()} cores, ${Math.round(totalmem() / 1e6)} MB of memory`,
  ];
}

function mounts(chroot: string, { HOME = '/', TMPDIR = '/tmp' }: NodeJS.ProcessEnv): string[] {
  const table = parseMountinfo(linesOf('/proc/self/mountinfo').join('\n'));
  const places = [...new Set([chroot, '/dev/shm', TMPDIR, HOME, process.cwd()])];
  return places.map(path => {
    const mount = mountOf(path, table);
    return `${path}: ${mount?.type ?? 'unknown'} at ${mount?.at ?? '?'}, ${room(path)}`;
  });
}

function room(path: string): string {
  try {
    const { bavail, bsize } = statfsSync(path);
    return `${Math.round((bavail * bsize) / 1e6)} MB free`;
  } catch (error) {
    return `${(error as NodeJS.ErrnoException).code}`;
  }
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n').filter(Boolean);
  } catch {
    return [];
  }
}
