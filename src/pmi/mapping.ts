/**
 * PMI_process_mapping: which rank runs on which node, as PMI servers write it.
 *
 * `(vector,(S,C,P),...)` is a list of blocks: C nodes from number S on get P ranks each. Ranks left
 * over after the last block start again from the first block whose S is 0. The parser of record is
 * MPICH's src/util/mpir_nodemap.h. Pure.
 */

interface Block {
  start: number;
  nodes: number;
  ranksPerNode: number;
}

const BLOCK = /\(\s*(\d{1,9})\s*,\s*(\d{1,9})\s*,\s*(\d{1,9})\s*\)/;
const BLOCKS = new RegExp(BLOCK, 'g');
const MAPPING = new RegExp(`^\\s*\\(\\s*vector\\s*((?:,\\s*${BLOCK.source}\\s*)+)\\)\\s*$`);

/**
 * The node of every rank, as dense numbers from 0 in order of first appearance by rank.
 * @returns undefined when the text is empty or is no mapping (a server may have cut it short)
 */
export function nodesOfMapping(text: string, size: number): number[] | undefined {
  const nodes = expandMapping(text, size);
  return nodes && dense(nodes);
}

/** Like {@link nodesOfMapping}, but with the launcher's own node numbers. */
export function expandMapping(text: string, size: number): number[] | undefined {
  const blocks = parse(text);
  return blocks && expand(blocks, size);
}

/** The mapping whose expansion is `nodes`, with blocks as long as they can be. */
export function formatMapping(nodes: readonly number[]): string {
  const blocks: Block[] = [];
  for (const [node, ranksPerNode] of runs(nodes)) {
    const last = blocks.at(-1);
    if (last?.ranksPerNode === ranksPerNode && last.start + last.nodes === node) last.nodes++;
    else blocks.push({ start: node, nodes: 1, ranksPerNode });
  }
  return `(vector${blocks.map(b => `,(${b.start},${b.nodes},${b.ranksPerNode})`).join('')})`;
}

/** Renumbers nodes densely from 0, in order of first appearance. */
export function dense(nodes: readonly number[]): number[] {
  const numbers = new Map<number, number>();
  return nodes.map(node => {
    const number = numbers.get(node) ?? numbers.size;
    numbers.set(node, number);
    return number;
  });
}

function parse(text: string): Block[] | undefined {
  const list = MAPPING.exec(text)?.[1];
  if (list === undefined) return undefined;
  const blocks = Array.from(list.matchAll(BLOCKS), ([, start, nodes, ranksPerNode]) => ({
    start: Number(start),
    nodes: Number(nodes),
    ranksPerNode: Number(ranksPerNode),
  }));
  // A block without ranks would never place the last one.
  return blocks.every(block => block.nodes > 0 && block.ranksPerNode > 0) ? blocks : undefined;
}

function expand(blocks: readonly Block[], size: number): number[] {
  const wrap = Math.max(
    0,
    blocks.findIndex(block => block.start === 0),
  );
  const nodes: number[] = [];
  for (let index = 0; nodes.length < size; index = index + 1 < blocks.length ? index + 1 : wrap) {
    const block = blocks[index]!;
    const ranks = Math.min(block.nodes * block.ranksPerNode, size - nodes.length);
    for (let i = 0; i < ranks; i++) nodes.push(block.start + Math.floor(i / block.ranksPerNode));
  }
  return nodes;
}

/** Each stretch of equal neighbours, with its length. */
function runs(nodes: readonly number[]): [node: number, length: number][] {
  const found: [number, number][] = [];
  for (const node of nodes) {
    const last = found.at(-1);
    if (last?.[0] === node) last[1]++;
    else found.push([node, 1]);
  }
  return found;
}
