/**
 * How far it goes: real ranks on this machine, and forecasts beyond it. Writes bench/SCALE.md and
 * docs/scale.svg.
 *
 *     node bench/scale/run.ts [MOST]   64, 256 and 1,024 ranks; forecasts to 100,000 nodes, or to MOST
 *     node bench/scale/run.ts quick    64 ranks; 1,024 nodes; prints, and writes nothing
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { machine } from '../machine.ts';
import { ASSUMED, forecastAll, forecastText } from './forecast.ts';
import { measureHop } from './hop.ts';
import { type Point, plot } from './plot.ts';
import { measureRanks } from './ranks.ts';

/**
 * Measured by the ancestor on Cray XT and XC30: 272 MB; ranks at 24 (12,288) and 32 (262,144) a
 * node.
 */
const ANCESTOR: readonly Point[] = [
  { nodes: 1024, seconds: 4.35, label: '4.35 s', kind: 'broadcast' },
  { nodes: 8192, seconds: 5.59, label: '5.59 s', kind: 'broadcast' },
  { nodes: 512, seconds: 54, label: '12,288 ranks, 54 s', kind: 'start' },
  { nodes: 8192, seconds: 166, label: '262,144 ranks, 166 s', kind: 'start' },
];

const quick = process.argv[2] === 'quick';
const most = quick ? 1024 : Number(process.argv[2] ?? 100_000);
const at = (name: string) => fileURLToPath(new URL(name, import.meta.url));

const ranks = await measureRanks(quick ? [64] : [64, 256, 1024]);
const costs = await measureHop();
const forecasts = await forecastAll(costs, most);

const realRanks = `### Real ranks on one machine

Each rank from the start of srun to its own line of output, from a staged prefix of Python with numpy, on nodes that are
namespaces of this one machine and share its processors. All Pythons were alive at once, every line was counted, and nothing
was left behind. Plain python3 is the system's, from memory: it stages nothing.

${ranks}
`;
const forecast = `### Forecast, up to ${most.toLocaleString('en')} nodes

The engine itself, simulated natively with one processor, one cable and one unpacker per node.
${forecastText(costs, forecasts)}

The ancestor broadcast the same amount to 1,024 nodes in 4.35 s and to 8,192 in 5.59 s, and had 12,288 ranks running after 54 s
and 262,144 after 166 s, by its own logs. Those are measurements on real machines and the lines are not.
`;

if (quick) {
  console.log(`${realRanks}\n${forecast}`);
} else {
  const text = `# How far it goes\n\nMade by \`node bench/scale/run.ts\`.\n\n${machine()}\n\n${realRanks}\n${forecast}`;
  writeFileSync(at('../SCALE.md'), text);
  const gigabits = (ASSUMED.link * 8) / 1000;
  const title = `Staging 272 MB over ${gigabits} Gbit/s cables: forecast by tree shape`;
  writeFileSync(at('../../docs/scale.svg'), plot(title, forecasts, ANCESTOR));
  console.log(text);
}
