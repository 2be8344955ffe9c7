/** What strace has written down. */
import { readFileSync } from 'node:fs';

/**
 * The lines of a log, in which strace writes every byte beyond ASCII as an octal number, with those
 * bytes as text again.
 */
export function readTrace(file: string): string {
  const log = readFileSync(file, 'latin1');
  return log.replace(/(?:\\[0-7]{3})+/g, escaped =>
    Buffer.from(
      escaped
        .slice(1)
        .split('\\')
        .map(digits => Number.parseInt(digits, 8)),
    ).toString(),
  );
}
