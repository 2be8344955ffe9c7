/**
 * Which launcher started this process: the ordered list of methods, and the choice among them.
 */
import type { Deadline } from '../deadline.ts';
import { PythonMpiError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { LauncherSession, Method } from './launcher.ts';
import { embedded } from './launchers/embedded.ts';
import { envOnly } from './launchers/env-only.ts';
import { hydra } from './launchers/hydra.ts';
import { incomplete } from './launchers/incomplete.ts';
import { pals } from './launchers/pals.ts';
import { pmiPort } from './launchers/pmi-port.ts';
import { pmi2 } from './launchers/pmi2.ts';
import { pmix } from './launchers/pmix.ts';
import { single } from './launchers/single.ts';
import { slurm } from './launchers/slurm.ts';

/**
 * The first that claims the environment is it; so one that knows more comes before one that knows
 * less.
 */
export const METHODS: readonly Method[] = [
  embedded,
  pmi2,
  hydra,
  pmiPort,
  pals,
  slurm,
  pmix,
  ...envOnly,
  incomplete,
  single,
];

/** The launcher that was found, not yet spoken to. */
export interface Detected {
  readonly name: string;
  readonly why: string;
  /** See Method.open. */
  open(deadline: Deadline): Promise<LauncherSession>;
}

/**
 * Finds the launcher of this process.
 * @param env the environment it left
 * @param log hears of every method that was tried
 * @param wanted the method the user insists on (PYTHON_MPI_LAUNCHER), if any
 * @throws PythonMpiError USAGE when there is no method of the wanted name
 */
export function detect(env: NodeJS.ProcessEnv, log: Log, wanted?: string): Detected {
  const { method, why } = wanted === undefined ? firstClaim(env, log) : named(wanted);
  log(`launcher ${method.name}: chosen, ${why}`);
  return {
    name: method.name,
    why,
    open: deadline => method.open({ env, why, deadline, log }),
  };
}

function firstClaim(env: NodeJS.ProcessEnv, log: Log): { method: Method; why: string } {
  for (const method of METHODS) {
    const why = method.claims(env, log);
    if (why !== undefined) return { method, why };
    log(`launcher ${method.name}: no`);
  }
  throw new PythonMpiError('INTERNAL', 'no method claims a process without a launcher');
}

/** Names that methods had once: new name by old one. */
const FORMER_NAMES: Readonly<Record<string, string>> = { stray: incomplete.name };

function named(wanted: string): { method: Method; why: string } {
  const name = FORMER_NAMES[wanted] ?? wanted;
  const method = METHODS.find(method => method.name === name);
  if (method) return { method, why: `PYTHON_MPI_LAUNCHER=${wanted}` };
  throw new PythonMpiError('USAGE', `there is no launcher '${wanted}'`, {
    hint: `set PYTHON_MPI_LAUNCHER to one of ${METHODS.map(({ name }) => name).join(', ')}, or to nothing`,
  });
}
