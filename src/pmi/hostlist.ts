/**
 * Slurm's compressed lists: host names (`n[08-11],login`) and tasks per node (`5,1(x3)`). Pure.
 *
 * The grammar is what `scontrol show hostnames` accepts; duplicates and order are kept.
 */
import { PythonMpiError } from '../errors.ts';

/** More names than any list of a real machine. */
const MAX_HOSTS = 1_000_000;

/**
 * The host names of a list, in its order. With several brackets in a name, the rightmost varies fastest.
 * @throws PythonMpiError LAUNCHER when it is no such list
 */
export function expandHostlist(list: string): string[] {
  const hosts = splitOutsideBrackets(list).flatMap(item => expandItem(item, list));
  if (hosts.length > MAX_HOSTS) throw bad('host list', list);
  return hosts;
}

/**
 * The counts of a list such as `5,1(x3)`, one a node.
 * @throws PythonMpiError LAUNCHER when it is no such list
 */
export function expandCounts(list: string): number[] {
  return list.split(',').flatMap(item => {
    const [, count, times = '1'] = /^(\d{1,7})(?:\(x(\d{1,7})\))?$/.exec(item) ?? [];
    if (count === undefined || Number(times) > MAX_HOSTS) throw bad('list of tasks per node', list);
    return new Array<number>(Number(times)).fill(Number(count));
  });
}

function splitOutsideBrackets(list: string): string[] {
  return list.split(/,(?![^[\]]*\])/);
}

function expandItem(item: string, list: string): string[] {
  if (!/^(?:[^\s[\],]+|\[\d+(?:-\d+)?(?:,\d+(?:-\d+)?)*\])+$/.test(item))
    throw bad('host list', list);
  let names = [''];
  for (const part of item.split(/(?=\[)|(?<=\])/)) {
    const endings = part.startsWith('[') ? expandRanges(part.slice(1, -1), list) : [part];
    if (names.length * endings.length > MAX_HOSTS) throw bad('host list', list);
    names = names.flatMap(name => endings.map(ending => name + ending));
  }
  return names;
}

/** `1,08-11` -> 1 08 09 10 11: the low end of a range says how wide its numbers are. */
function expandRanges(spec: string, list: string): string[] {
  return spec.split(',').flatMap(range => {
    const [low = '', high = low] = range.split('-');
    const count = Number(high) - Number(low) + 1;
    if (!(count >= 1 && count <= MAX_HOSTS)) throw bad('host list', list);
    return Array.from({ length: count }, (_, i) =>
      String(Number(low) + i).padStart(low.length, '0'),
    );
  });
}

function bad(what: string, text: string): PythonMpiError {
  const shown = text.length > 60 ? `${text.slice(0, 60)}...` : text;
  return new PythonMpiError('LAUNCHER', `${JSON.stringify(shown)} is no ${what} of Slurm`, {
    hint: 'start python-mpi with srun itself',
  });
}
