/**
 * Where the ranks of `srun -m arbitrary` are: the user's list of hosts says it, the k-th host of
 * the list being that of rank k. The list is in a file whose path is in the environment, or, inside
 * an allocation that has it from salloc or sbatch, there itself; that of `srun -w` is nowhere.
 */
import { readFileSync } from 'node:fs';
import { PythonMpiError } from '../../errors.ts';
import { MAX_RANKS } from '../environment.ts';
import { expandHostlist } from './hostlist.ts';

/** Blanks, and commas that are not within brackets. */
const BETWEEN = /[\s,]+(?![^[\]]*\])/;
/** How often a line of a host file counts: `n1*2`. */
const COUNTED = /^(.+)\*(\d{1,7})$/;

/**
 * The host of every rank, or undefined where the environment names neither list nor file.
 * @throws PythonMpiError LAUNCHER when the file cannot be read from here, or is no list of hosts
 */
export function hostsInOrder(env: NodeJS.ProcessEnv): string[] | undefined {
  const { SLURM_HOSTFILE: path, SLURM_ARBITRARY_NODELIST: list } = env;
  if (path) return hostsOfFile(path);
  return list ? expandHostlist(list) : undefined;
}

function hostsOfFile(path: string): string[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new PythonMpiError(
      'LAUNCHER',
      `cannot read SLURM_HOSTFILE=${path}, which places the ranks`,
      { hint: 'put the host file on the shared file system, or use --mpi=pmix', cause },
    );
  }
  return expandHostfile(text);
}

/**
 * The hosts of a host file: lists of hosts, each perhaps with a count, between blanks or commas,
 * and comments from # on.
 * @throws PythonMpiError LAUNCHER when it is none
 */
export function expandHostfile(text: string): string[] {
  const hosts: string[] = [];
  for (const word of text.replace(/#.*/g, '').split(BETWEEN).filter(Boolean)) {
    const [, list = word, times = '1'] = COUNTED.exec(word) ?? [];
    const listed = expandHostlist(list);
    if (hosts.length + listed.length * Number(times) > MAX_RANKS)
      throw new PythonMpiError('LAUNCHER', `SLURM_HOSTFILE lists more than ${MAX_RANKS} ranks`);
    for (let time = 0; time < Number(times); time++) for (const host of listed) hosts.push(host);
  }
  return hosts;
}
