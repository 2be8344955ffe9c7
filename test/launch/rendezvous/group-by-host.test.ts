import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { groupByHost } from '../../../src/launch/rendezvous/group-by-host.ts';
import type { Kvs } from '../../../src/pmi/launcher.ts';

/** A store for ranks in this process, which counts what it is asked for. */
function store(size: number): { gets: number; ofRank(): Kvs } {
  const values = new Map<string, string>();
  let waiting: (() => void)[] = [];
  const counted = {
    gets: 0,
    ofRank: (): Kvs => ({
      async put(key, value) {
        assert.ok(key.length < 64 && value.length <= 900 && /^[\x21-\x7e]+$/.test(value), value);
        values.set(key, value);
      },
      fence: () =>
        new Promise(resolve => {
          waiting.push(resolve);
          if (waiting.length < size) return;
          for (const go of waiting) go();
          waiting = [];
        }),
      async get(key) {
        counted.gets++;
        return values.get(key)!;
      },
    }),
  };
  return counted;
}

async function groups(hosts: readonly string[]): Promise<{ nodes: number[]; gets: number }> {
  const size = hosts.length;
  const shared = store(size);
  const found = await Promise.all(
    hosts.map((host, rank) => groupByHost(shared.ofRank(), { rank, size, nodes: undefined }, host)),
  );
  for (const nodes of found) assert.equal(nodes, found[0]);
  return { nodes: found[0]!, gets: shared.gets };
}

const grouping = suite('grouping');

grouping('ranks of one host are one node, in order of first appearance', async () => {
  const { nodes } = await groups(['z y', 'a', 'z y', 'b', 'a', 'z']);
  assert.equal(nodes, [0, 1, 0, 2, 1, 3]);
  assert.equal((await groups(['a', 'a'])).nodes, [0, 0]);
});

grouping(
  'a mapping longer than a value travels in pieces; nobody but the root reads all',
  async () => {
    const size = 600;
    const hosts = Array.from({ length: size }, (_, rank) => `n${(rank * rank) % 211}`);
    const { nodes, gets } = await groups(hosts);
    const names = [...new Set(hosts)];
    assert.equal(
      nodes,
      hosts.map(host => names.indexOf(host)),
    );
    assert.ok(gets > 2 * size && gets < 20 * size, String(gets));
  },
);

grouping.run();
