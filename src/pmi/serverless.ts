/**
 * A session with a launcher that has no server to speak to, or none that is spoken to: everything
 * about the job was in the environment, and at the end there is nothing to say.
 */
import type { LauncherSession } from './launcher.ts';

/** What such sessions have in common. */
export const SERVERLESS: Pick<LauncherSession, 'kvs' | 'handOver' | 'settle' | 'finish' | 'abort'> =
  {
    kvs: undefined,
    handOver: { env: {}, descriptor: undefined, parentMustStay: false },
    async settle() {},
    async finish() {},
    async abort() {},
  };
