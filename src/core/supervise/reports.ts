/** The same thing is said again after this long, a changed one after this shorter while. */
const SAME_MS = 30 * 60_000;
const CHANGED_MS = 5 * 60_000;

interface Said {
  readonly text: string;
  readonly at: number;
  readonly withheld: number;
}

/**
 * Keeps what goes on failing from filling a log: each subject is reported at once, then only now and then,
 * with the number of times that were left out.
 */
export class Reports {
  readonly #said = new Map<string, Said>();

  /** What to write, or undefined where it is not time yet. `now` is in milliseconds. */
  due(subject: string, text: string, now: number): string | undefined {
    const last = this.#said.get(subject);
    const wait = last?.text === text ? SAME_MS : CHANGED_MS;
    if (last !== undefined && now - last.at < wait) {
      this.#said.set(subject, { ...last, withheld: last.withheld + 1 });
      return undefined;
    }
    this.#said.set(subject, { text, at: now, withheld: 0 });
    const withheld = last?.withheld ?? 0;
    return withheld === 0 ? text : `${text} (and ${withheld} times more since the last report)`;
  }

  /** Forgets every subject that begins so: what comes next is news again. */
  forget(prefix: string): void {
    for (const subject of this.#said.keys()) if (subject.startsWith(prefix)) this.#said.delete(subject);
  }
}
