/** The same text is said again after this long. */
const SAME_MS = 30 * 60_000;
/** So many texts of one subject are said at once; each takes this long until it may be replaced by another. */
const MOST = 5;
const REFILL_MS = 10 * 60_000;

interface Subject {
  text: string;
  saidAt: number;
  withheld: number;
  /** How many texts may be said, at `countedAt`. */
  left: number;
  countedAt: number;
}

/**
 * Keeps what goes on failing from filling a log: each subject is reported at once a few times, then only
 * now and then, with the number of times that were left out.
 */
export class Reports {
  readonly #subjects = new Map<string, Subject>();

  /** What to write, or undefined where it is not time yet. `now` is in milliseconds. */
  due(name: string, text: string, now: number): string | undefined {
    const subject = this.#subjects.get(name) ?? {
      text: "",
      saidAt: Number.NEGATIVE_INFINITY,
      withheld: 0,
      left: MOST,
      countedAt: now,
    };
    this.#subjects.set(name, subject);
    subject.left = Math.min(MOST, subject.left + (now - subject.countedAt) / REFILL_MS);
    subject.countedAt = now;
    if (subject.left < 1 || (subject.text === text && now - subject.saidAt < SAME_MS)) {
      subject.withheld += 1;
      return undefined;
    }
    const { withheld } = subject;
    Object.assign(subject, { text, saidAt: now, withheld: 0, left: subject.left - 1 });
    return withheld === 0 ? text : `${text} (${withheld} more of the kind went before)`;
  }

  /** Forgets every subject that begins so: what comes next is news again. */
  forget(prefix: string): void {
    for (const name of this.#subjects.keys()) if (name.startsWith(prefix)) this.#subjects.delete(name);
  }
}
