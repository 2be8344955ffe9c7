/** What control groups leave, read from made-up ones of both versions. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isInMemory, memoryLeft } from '../../src/stage/memory-limit.ts';
import { scratch } from '../support/scratch.ts';

function groups(files: Record<string, string | number>): string {
  const root = scratch();
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), `${content}\n`);
  }
  return root;
}

const limits = suite('stage/memory-limit');

limits('version 2: the tightest of the group and those around it, caches left out', () => {
  const root = groups({
    'job/memory.max': 1000,
    'job/memory.current': 700,
    'job/memory.stat': 'anon 100\ninactive_file 60\nactive_file 40\nshmem 500',
    'job/step/memory.max': 'max',
    'job/step/memory.current': 600,
  });
  assert.is(memoryLeft(root, '0::/job/step\n'), 400);
  assert.is(memoryLeft(root, '0::/\n'), Infinity);
});

limits('version 1: its own names, and its largest number is no limit', () => {
  const root = groups({
    'memory/slurm/memory.limit_in_bytes': '9223372036854771712',
    'memory/slurm/memory.usage_in_bytes': 5000,
    'memory/slurm/job_7/memory.limit_in_bytes': 1000,
    'memory/slurm/job_7/memory.usage_in_bytes': 1200,
    'memory/slurm/job_7/memory.stat':
      'inactive_file 1\ntotal_inactive_file 150\ntotal_active_file 0',
  });
  const membership = '9:name=systemd:/\n4:cpu,memory:/slurm/job_7\n0::/\n';
  assert.is(memoryLeft(root, membership), 0);
  assert.is(memoryLeft(root, membership.replace('/job_7', '')), Infinity);
});

limits('nothing to be seen is no limit', () => {
  assert.is(memoryLeft('/nonexistent', '0::/a/b\nnonsense\n'), Infinity);
});

limits('/dev/shm is memory, /proc is not', () => {
  assert.ok(isInMemory('/dev/shm'));
  assert.not.ok(isInMemory('/proc'));
});

limits.run();
