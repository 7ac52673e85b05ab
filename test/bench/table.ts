/** A figure, beside what it is to be compared with. */
export interface Row {
  readonly what: string;
  /** All runs' values. */
  readonly values: readonly number[];
  readonly unit: string;
  /** What it is compared with, from the same run; undefined for yardsticks themselves. */
  readonly yardstick?: { readonly name: string; readonly value: number };
  /** What it should stay below, in the unit. */
  readonly budget?: number;
  /** Which of the values counts. */
  readonly of?: "median" | "worst";
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** The rows as a table for a terminal. */
export function table(rows: readonly Row[]): string {
  const head = ["what", "runs", "least", "median", "most", "yardstick", "ratio", "budget", ""];
  const body = rows.map(({ what, values, unit, yardstick, budget, of = "median" }) => {
    const counted = of === "median" ? median(values) : Math.max(...values);
    const show = (value: number) => `${value.toFixed(value < 10 ? 2 : 1)} ${unit}`;
    return [
      what,
      String(values.length),
      show(Math.min(...values)),
      show(median(values)),
      show(Math.max(...values)),
      yardstick === undefined ? "" : `${yardstick.name} ${show(yardstick.value)}`,
      yardstick === undefined ? "" : `${(counted / yardstick.value).toFixed(2)} x`,
      budget === undefined ? "" : `${of === "worst" ? "most " : ""}< ${show(budget)}`,
      budget === undefined ? "" : counted < budget ? "kept" : "MISSED",
    ];
  });
  const widths = head.map((_, column) =>
    Math.max(...[head, ...body].map((row) => (row[column] ?? "").length)),
  );
  return [head, ...body]
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}
