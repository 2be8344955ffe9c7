/**
 * What all comparisons share: contestants take turns, and what is said of them are ratios within a
 * turn. On a machine that others use too, seconds of different minutes do not compare; ratios of
 * one minute do.
 */

export interface Row {
  /** What was measured, and of whom. */
  what: string;
  /** What it is divided by; the unit, where the values are no ratios. */
  against: string;
  /** The most that is good enough; none for a row that only informs. */
  goal?: number;
  /** One value per round. */
  values: readonly number[];
  /** Where the time (or memory) is, for the day on which the goal is missed. */
  because?: string;
}

/**
 * Lets contestants take turns, with a first round to warm up that does not count.
 * @param contestants each runs once and returns what it cost
 * @returns the costs of each, by round
 */
export async function takeTurns<Name extends string>(
  rounds: number,
  contestants: Record<Name, () => Promise<number>>,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(contestants) as Name[];
  const costs = Object.fromEntries(names.map(name => [name, [] as number[]])) as Record<
    Name,
    number[]
  >;
  for (let round = -1; round < rounds; round++) {
    for (const name of names) {
      const cost = await contestants[name]().catch(error => {
        throw new Error(`${name}, round ${round}: ${error.message}`, { cause: error });
      });
      if (round >= 0) costs[name].push(cost);
    }
  }
  return costs;
}

/** Round by round, one cost divided by the other. */
export function ratios(ours: readonly number[], theirs: readonly number[]): number[] {
  return ours.map((cost, round) => cost / theirs[round]!);
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

/** Prints a titled table, and below it what is to say about the goals that were missed. */
export function printTable(title: string, rows: readonly Row[]): void {
  const lines = [
    `### ${title}`,
    '',
    '| what | against | goal | median | min-max | |',
    '|---|---|---|---|---|---|',
  ];
  const reasons: string[] = [];
  for (const { what, against, goal, values, because } of rows) {
    const middle = median(values);
    const missed = goal !== undefined && middle > goal;
    const verdict = goal === undefined ? '' : missed ? '**missed**' : 'met';
    const range = `${format(Math.min(...values))}-${format(Math.max(...values))}`;
    const limit = goal === undefined ? '' : `<= ${goal}`;
    lines.push(`| ${what} | ${against} | ${limit} | ${format(middle)} | ${range} | ${verdict} |`);
    if (missed && because !== undefined) reasons.push(`- ${what}: ${because}`);
  }
  if (reasons.length > 0) lines.push('', 'Missed:', ...reasons);
  console.log(`${lines.join('\n')}\n`);
}

/** A table of Markdown. */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}

function format(value: number): string {
  return value < 10 ? value.toFixed(2) : value.toFixed(0);
}
