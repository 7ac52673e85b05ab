import stringWidth from "string-width";
import wrapAnsi from "wrap-ansi";
import type { Paint } from "./paint.ts";

/** A column of a table. */
export interface Column {
  readonly title: string;
  /** Figures stand at the right. */
  readonly right?: boolean;
}

/** How text is laid out: the terminal's width in columns, infinite where there is none, and its colours. */
export interface Layout {
  readonly width: number;
  readonly paint: Paint;
}

const GAP = "  ";
/** A column is never made narrower than this: a syllable a line is harder to read than a line that is too long. */
const NARROWEST = 10;

/**
 * Rows below their titles, each column as wide as its widest cell. Where that is too wide, the widest columns
 * become narrower and their cells are wrapped. Cells may be painted, and may have several lines.
 *
 * @returns lines without blanks at their ends
 */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  { width, paint }: Layout,
): string[] {
  const cells = [columns.map(({ title }) => paint("strong", title)), ...rows];
  const natural = columns.map((_, index) => Math.max(...cells.map((row) => widthOf(row[index] ?? ""))));
  const widths = fit(natural, width - GAP.length * (columns.length - 1));
  return cells.flatMap((row) => {
    const wrapped = widths.map((most, index) => wrap(row[index] ?? "", most));
    const height = Math.max(...wrapped.map((lines) => lines.length));
    return Array.from({ length: height }, (_, line) =>
      widths
        .map((most, index) => pad(wrapped[index]?.[line] ?? "", most, columns[index]?.right === true))
        .join(GAP)
        .trimEnd(),
    );
  });
}

/** A text in lines of at most this width, broken between words, and within those that are longer. */
export function wrap(text: string, width: number): string[] {
  const fitting = Number.isFinite(width) ? wrapAnsi(text, Math.max(1, width), { hard: true }) : text;
  return fitting.split("\n");
}

/** A title and its text, which is wrapped beside the title. */
export function hanging(title: string, text: string, indent: number, width: number): string[] {
  const lines = wrap(text, Math.max(NARROWEST, width - indent));
  return lines.map((line, index) => `${pad(index === 0 ? title : "", indent, false)}${line}`.trimEnd());
}

/** Widths that together are no more than there is, if that can be: what is widest gives way first. */
function fit(natural: readonly number[], available: number): number[] {
  const widths = [...natural];
  for (;;) {
    const excess = widths.reduce((sum, width) => sum + width, 0) - available;
    const widest = Math.max(...widths);
    if (!(excess > 0) || widest <= NARROWEST) return widths;
    widths[widths.indexOf(widest)] = widest - 1;
  }
}

function widthOf(cell: string): number {
  return Math.max(...cell.split("\n").map((line) => stringWidth(line)));
}

function pad(text: string, width: number, right: boolean): string {
  const blanks = " ".repeat(Math.max(0, width - stringWidth(text)));
  return right ? `${blanks}${text}` : `${text}${blanks}`;
}
