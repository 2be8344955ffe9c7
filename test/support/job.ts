/**
 * Whole runs of bin/python-mpi: a package to run from, a private node-local directory, and what
 * came out.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { scratch } from './scratch.ts';

export const PYTHON_MPI = fileURLToPath(new URL('../../bin/python-mpi', import.meta.url));

/**
 * Packs files (name relative to the prefix -> content) with plain tar; those in bin/ may be
 * executed.
 */
export async function pack(
  files: Record<string, string | Buffer>,
  name = 'p.tar.gz',
): Promise<string> {
  const directory = scratch();
  const tree = join(directory, 'tree');
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(tree, path, '..'), { recursive: true });
    writeFileSync(join(tree, path), content, { mode: path.startsWith('bin/') ? 0o755 : 0o644 });
  }
  const file = join(directory, name);
  const tar = spawn('tar', ['-caf', file, '-C', tree, '.'], { stdio: 'inherit' });
  const [status] = (await once(tar, 'close')) as [number];
  if (status !== 0) throw new Error(`tar ended with ${status}`);
  return file;
}

/** A module that says where it came from, as a package. */
export function modulePackage(module: string, content: string, name?: string): Promise<string> {
  return pack({ [`lib/python3/dist-packages/${module}.py`]: content }, name);
}

export interface Finished {
  status: number | null;
  signal: NodeJS.Signals | null;
  out: string;
  err: string;
  /** Lines that python-mpi itself wrote. */
  told: string[];
}

export interface Job {
  child: ChildProcess;
  /** Its private chroot. */
  chroot: string;
  /** Resolves once the output holds this text; rejects when the job ends without. */
  says: (text: string) => Promise<void>;
  ended: Promise<Finished>;
}

export interface JobOptions {
  /** Program before bin/python-mpi, such as mpiexec.hydra -n 4. */
  launcher?: readonly string[];
  env?: NodeJS.ProcessEnv;
  input?: string;
  /** Standard input stays open. */
  openInput?: boolean;
  chroot?: string;
}

/** Starts python-mpi with these arguments, without the settings of the user who runs the tests. */
export function start(args: readonly string[], options: JobOptions = {}): Job {
  const chroot = options.chroot ?? scratch();
  const [file, ...rest] = [...(options.launcher ?? []), PYTHON_MPI, ...args] as [
    string,
    ...string[],
  ];
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(PYTHON|PMI|SLURM|OMPI)/.test(name)),
  );
  const child = spawn(file, rest, {
    env: {
      ...env,
      PYTHON_MPI_CHROOT: chroot,
      PYTHON_MPI_QUIET: '1',
      PYTHON_MPI_PYTHON: '/usr/bin/python3',
      ...options.env,
    },
    detached: true,
  });
  let out = '';
  let err = '';
  const waiters: (() => void)[] = [];
  const wake = () => {
    for (const waiter of waiters) waiter();
  };
  child.stdout.on('data', data => {
    out += data;
    wake();
  });
  child.stderr.on('data', data => {
    err += data;
    wake();
  });
  child.stdin.on('error', () => {});
  if (options.openInput !== true) child.stdin.end(options.input ?? '');
  const ended = once(child, 'close').then(([status, signal]) => ({
    status,
    signal,
    out,
    err,
    told: err.split('\n').filter(line => line.startsWith('python-mpi: ')),
  }));
  let over = false;
  void ended.then(() => {
    over = true;
    wake();
  });
  const says = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if ((out + err).includes(text)) resolve();
        else if (over) reject(new Error(`ended without saying ${text}: ${out}${err}`));
      };
      waiters.push(look);
      look();
    });
  return { child, chroot, says, ended };
}

/** Runs python-mpi to its end. */
export function run(args: readonly string[], options: JobOptions = {}): Promise<Finished> {
  return start(args, options).ended;
}

/** What lies in the user's directory of a chroot, without the lock that stays. */
export function leftovers(chroot: string): string[] {
  const home = join(chroot, `python-mpi-${process.getuid!()}`);
  try {
    return readdirSync(home).filter(name => name !== 'lock');
  } catch {
    return [];
  }
}
