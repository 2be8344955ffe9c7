/**
 * Draws forecasts and the ancestor's measured points as an SVG that is readable on light and dark
 * pages. Both axes are logarithmic. Knows nothing of how the numbers came about.
 */
import type { Forecasts } from './forecast.ts';

/** A measured point. */
export interface Point {
  nodes: number;
  seconds: number;
  label: string;
  /** What it is the time of. */
  kind: 'broadcast' | 'start';
}

const WIDTH = 800;
const HEIGHT = 440;
const LEFT = 60;
const RIGHT = 190;
const TOP = 40;
const BOTTOM = 56;
/**
 * Of lines, in order; told apart by people who see colours differently (Okabe and Ito), and on both
 * backgrounds.
 */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9'];

const STYLE = `
  svg { background: #ffffff }
  text { font: 12px system-ui, sans-serif; fill: #24292f }
  .title { font-weight: 600; font-size: 14px }
  .axis, .grid { stroke: #24292f; stroke-width: 1 } .grid { stroke-opacity: .15 }
  .line { fill: none; stroke-width: 2 } .line.broadcast { stroke-dasharray: 5 4 }
  .point { stroke: #24292f; stroke-width: 1.5; fill: #24292f } .point.broadcast { fill: #ffffff }
  @media (prefers-color-scheme: dark) {
    svg { background: #0d1117 } text { fill: #e6edf3 }
    .axis, .grid, .point { stroke: #e6edf3 } .point { fill: #e6edf3 } .point.broadcast { fill: #0d1117 }
  }`;

/** Powers of ten from the largest not above `least` to the smallest not below `most`. */
function decades(least: number, most: number): number[] {
  const [from, to] = [Math.floor(Math.log10(least)), Math.ceil(Math.log10(most))];
  return Array.from({ length: to - from + 1 }, (_, i) => 10 ** (from + i));
}

/**
 * The figure: solid lines until all nodes are staged, dashed ones for a broadcast that no node
 * unpacks.
 */
export function plot(title: string, forecasts: Forecasts, points: readonly Point[]): string {
  const all = Object.values(forecasts).flat();
  const columns = decades(1, Math.max(...all.map(f => f.nodes), ...points.map(p => p.nodes)));
  const times = [...all.flatMap(f => [f.broadcast, f.staged]), ...points.map(p => p.seconds)];
  const rows = decades(Math.min(...times), Math.max(...times));
  const scale = (value: number, ticks: readonly number[], from: number, to: number) => {
    const share = Math.log(value / ticks[0]!) / Math.log(ticks.at(-1)! / ticks[0]!);
    return (from + share * (to - from)).toFixed(1);
  };
  const x = (nodes: number) => scale(nodes, columns, LEFT, WIDTH - RIGHT);
  const y = (seconds: number) => scale(seconds, rows, HEIGHT - BOTTOM, TOP);

  const grid = [
    ...columns.map(
      nodes =>
        `<line class="grid" x1="${x(nodes)}" x2="${x(nodes)}" y1="${TOP}" y2="${HEIGHT - BOTTOM}"/>` +
        `<text x="${x(nodes)}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${nodes.toLocaleString('en')}</text>`,
    ),
    ...rows.map(
      seconds =>
        `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(seconds)}" y2="${y(seconds)}"/>` +
        `<text x="${LEFT - 8}" y="${y(seconds)}" dy="4" text-anchor="end">${seconds}</text>`,
    ),
  ];
  const lines = Object.entries(forecasts).flatMap(([name, list], index) => {
    if (list.length === 0) return [];
    const colour = COLOURS[index % COLOURS.length]!;
    const draw = (what: 'broadcast' | 'staged') => {
      const path = list.map(f => `${x(f.nodes)},${y(f[what])}`).join(' ');
      return `<polyline class="line ${what}" stroke="${colour}" points="${path}"/>`;
    };
    const legend = TOP + 16 * index;
    const [from, to] = [WIDTH - RIGHT + 14, WIDTH - RIGHT + 38];
    return [
      draw('staged'),
      draw('broadcast'),
      `<line class="line" stroke="${colour}" x1="${from}" x2="${to}" y1="${legend}" y2="${legend}"/>`,
      `<text x="${to + 6}" y="${legend}" dy="4">${name.toLowerCase()}</text>`,
    ];
  });
  const marks = points.map(
    ({ nodes, seconds, label, kind }) =>
      `<circle class="point ${kind}" cx="${x(nodes)}" cy="${y(seconds)}" r="4"/>` +
      `<text x="${x(nodes)}" y="${y(seconds)}" dx="8" dy="-6">${label}</text>`,
  );
  const note = (line: number, text: string) =>
    `<text x="${WIDTH - RIGHT + 14}" y="${HEIGHT - BOTTOM - 76 + 16 * line}">${text}</text>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}">
<style>${STYLE}
</style>
<text class="title" x="${LEFT}" y="20">${title}</text>
${grid.join('\n')}
<line class="axis" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${HEIGHT - BOTTOM}" y2="${HEIGHT - BOTTOM}"/>
<line class="axis" x1="${LEFT}" x2="${LEFT}" y1="${TOP}" y2="${HEIGHT - BOTTOM}"/>
<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 14}" text-anchor="middle">nodes</text>
<text x="16" y="${(TOP + HEIGHT - BOTTOM) / 2}" text-anchor="middle" transform="rotate(-90 16 ${(TOP + HEIGHT - BOTTOM) / 2})">seconds</text>
${lines.join('\n')}
${marks.join('\n')}
${note(0, 'solid: all staged')}
${note(1, 'dashed: broadcast alone')}
${note(2, 'the ancestor, measured:')}
${note(3, '○ broadcast alone')}
${note(4, '● start of all ranks')}
</svg>
`;
}
