/**
 * No launcher: a job of one rank, which needs no other.
 */
import type { Method } from '../launcher.ts';
import { SERVERLESS } from '../serverless.ts';

export const single: Method = {
  name: 'single',

  claims() {
    return 'no launcher';
  },

  async open({ why }) {
    return {
      ...SERVERLESS,
      launcher: this.name,
      why,
      placement: { rank: 0, size: 1, nodes: [0] },
    };
  },
};
