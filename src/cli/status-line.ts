/**
 * One line at the bottom of a terminal that says how far something has come, and goes away at its
 * end. Where standard error is no terminal there is none.
 */
import { STDERR, say } from '../output.ts';

/** Without wrapping, so that the line stays one on a narrow terminal (DECAWM off, and on again). */
const [ALONE, WRAPPED] = ['\r\x1b[K\x1b[?7l', '\x1b[?7h'];
const EMPTY = '\r\x1b[K';

export class StatusLine {
  readonly #write: (text: string) => void;
  readonly #isTerminal: () => boolean;
  readonly #leastMs: number;
  #shown = Number.NEGATIVE_INFINITY;
  #visible = false;

  /**
   * @param leastMs time between two changes, in milliseconds
   * @param isTerminal whether there is one; asked when there is something to show
   */
  constructor(
    leastMs: number,
    isTerminal = stderrIsTerminal,
    write: (text: string) => void = text => say(STDERR, text),
  ) {
    this.#leastMs = leastMs;
    this.#isTerminal = isTerminal;
    this.#write = write;
  }

  /**
   * Changes the line, unless it has just been changed.
   * @param last this is the last change, and made in any case
   */
  show(text: string, last = false): void {
    const time = performance.now();
    if (!last && time - this.#shown < this.#leastMs) return;
    if (!this.#isTerminal()) return;
    this.#shown = time;
    this.#visible = true;
    this.#write(`${ALONE}${text}${WRAPPED}`);
  }

  /** Leaves the line empty for what is printed next. */
  clear(): void {
    if (this.#visible) this.#write(EMPTY);
    this.#visible = false;
  }
}

/** Loaded when asked for: most ranks have nothing to show. */
function stderrIsTerminal(): boolean {
  return process.getBuiltinModule('node:tty').isatty(STDERR);
}
