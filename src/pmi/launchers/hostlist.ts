/**
 * Slurm's compressed lists: host names (`n[08-11],login`) and tasks per node (`5,1(x3)`). Pure.
 *
 * The grammar is what `scontrol show hostnames` accepts; duplicates and order are kept.
 */
import { PythonMpiError } from '../../errors.ts';
import { MAX_RANKS } from '../environment.ts';

/** More names than any list of a real machine. */
const MAX_HOSTS = 1_000_000;

/**
 * The host names of a list, in its order. With several brackets in a name, the rightmost varies
 * fastest.
 * @throws PythonMpiError LAUNCHER when it is no such list
 */
export function expandHostlist(list: string): string[] {
  const hosts: string[] = [];
  for (const item of itemsOf(list)) {
    const names = expandItem(item, list);
    if (hosts.length + names.length > MAX_HOSTS) throw bad('host list', list);
    // Not push(...names): a range may hold more names than a call takes arguments.
    for (const name of names) hosts.push(name);
  }
  return hosts;
}

/**
 * The counts of a list such as `5,1(x3)`, one a node.
 * @throws PythonMpiError LAUNCHER when it is no such list
 */
export function expandCounts(list: string): number[] {
  const counts: number[] = [];
  let ranks = 0;
  for (const item of list.split(',')) {
    const [, count, times = '1'] = /^(\d{1,7})(?:\(x(\d{1,7})\))?$/.exec(item) ?? [];
    ranks += Number(count) * Number(times);
    if (count === undefined || counts.length + Number(times) > MAX_HOSTS || !(ranks <= MAX_RANKS))
      throw bad('list of tasks per node', list);
    for (let node = 0; node < Number(times); node++) counts.push(Number(count));
  }
  return counts;
}

/** What the commas outside brackets separate. */
function itemsOf(list: string): string[] {
  const items: string[] = [];
  let start = 0;
  let inBrackets = false;
  for (let at = 0; at < list.length; at++) {
    if (list[at] === '[') inBrackets = true;
    else if (list[at] === ']') inBrackets = false;
    else if (list[at] === ',' && !inBrackets) {
      items.push(list.slice(start, at));
      start = at + 1;
    }
  }
  items.push(list.slice(start));
  return items;
}

function expandItem(item: string, list: string): string[] {
  // One character at a time: repeated repetitions would try all ways to part a word.
  if (!/^(?:[^\s[\],]|\[\d+(?:-\d+)?(?:,\d+(?:-\d+)?)*\])+$/.test(item))
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
  const numbers: string[] = [];
  for (const range of spec.split(',')) {
    const [low = '', high = low] = range.split('-');
    const count = Number(high) - Number(low) + 1;
    if (!(count >= 1 && numbers.length + count <= MAX_HOSTS)) throw bad('host list', list);
    for (let i = 0; i < count; i++) numbers.push(String(Number(low) + i).padStart(low.length, '0'));
  }
  return numbers;
}

function bad(what: string, text: string): PythonMpiError {
  const shown = text.length > 60 ? `${text.slice(0, 60)}...` : text;
  return new PythonMpiError('LAUNCHER', `${JSON.stringify(shown)} is no ${what} of Slurm`, {
    hint: 'start python-mpi with srun itself',
  });
}
