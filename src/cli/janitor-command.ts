/**
 * How the programs start the janitor (janitor.ts), which the build puts beside them.
 */
import { fileURLToPath } from 'node:url';
import type { Clean } from '../launch/run.ts';

const JANITOR = fileURLToPath(new URL('../../dist/bin/janitor.cjs', import.meta.url));

export const janitor: Clean = (litter, directory) => [process.execPath, JANITOR, litter, directory];
