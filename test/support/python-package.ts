/**
 * The package of python-package.sh for tests of whole jobs: Python with numpy and mpi4py.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Its path; made on first use, which takes a while. */
export function pythonPackage(): string {
  const script = fileURLToPath(new URL('python-package.sh', import.meta.url));
  const { status, stdout, stderr } = spawnSync(script, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`python-package.sh: ${stderr}`);
  return stdout.trim();
}
