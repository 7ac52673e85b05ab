import { shortly } from "../../render/figures.ts";

/** How often a step's time is drawn again on a terminal, in milliseconds. */
const REDRAWN_EVERY_MS = 500;
const CLEAR_LINE = "\r\x1b[K";

/**
 * What is done now, on standard error: on a terminal one line a step with its time, drawn in place; elsewhere a
 * line when a step begins.
 */
export class Progress {
  readonly #terminal = process.stderr.isTTY === true;
  #timer: NodeJS.Timeout | undefined;
  #step: { readonly what: string; readonly began: number } | undefined;

  begin(what: string): void {
    this.end();
    this.#step = { what, began: performance.now() };
    if (!this.#terminal) process.stderr.write(`${what}\n`);
    else {
      this.#draw();
      this.#timer = setInterval(() => this.#draw(), REDRAWN_EVERY_MS);
    }
  }

  /** The step is over; what is written from now on has a line of its own. */
  end(): void {
    clearInterval(this.#timer);
    if (this.#step !== undefined && this.#terminal) {
      this.#draw();
      process.stderr.write("\n");
    }
    this.#step = undefined;
  }

  #draw(): void {
    if (this.#step === undefined) return;
    const { what, began } = this.#step;
    const took = elapsed(performance.now() - began);
    const room = (process.stderr.columns || 80) - took.length - 3;
    process.stderr.write(`${CLEAR_LINE}${what.slice(0, Math.max(10, room))}  ${took}`);
  }
}

function elapsed(ms: number): string {
  return ms < 1000 ? shortly(ms) : `${(ms / 1000).toFixed(1)} s`;
}
