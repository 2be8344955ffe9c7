/**
 * No launcher: a job of one rank, which needs nobody.
 */
import type { Method } from '../launcher.ts';

export const single: Method = {
  name: 'single',

  claims() {
    return 'no launcher';
  },

  async open({ why }) {
    return {
      launcher: this.name,
      why,
      placement: { rank: 0, size: 1, nodes: [0] },
      kvs: undefined,
      handOver: { env: {}, descriptor: undefined, parentMustStay: false },
      async settle() {},
      async finish() {},
      async abort() {},
    };
  },
};
