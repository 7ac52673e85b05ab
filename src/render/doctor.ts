import { type CheckReport, type Finding, type Verdict, worstOf } from "../core/doctor/checks.ts";
import { printable } from "../core/text.ts";
import type { Tone } from "./paint.ts";
import { hanging, type Layout, wrap } from "./table.ts";

const TONES: Readonly<Record<Verdict, Tone>> = {
  ok: "good",
  note: "strong",
  warning: "doubtful",
  problem: "bad",
  skipped: "quiet",
};

/** As wide as the longest verdict, and two blanks. */
const VERDICT_WIDTH = 9;
const REMEDY = "remedy: ";

/** What is shown of a check while it is under way. */
export function beginning(title: string): string {
  return `${" ".repeat(VERDICT_WIDTH)}${title} ...`;
}

/** What one check looked at, what it found and what to do, in lines. */
export function reportLines({ title, looked, findings }: CheckReport, layout: Layout): string[] {
  const { paint, width } = layout;
  const place = looked === "" ? "" : `  ${paint("quiet", printable(looked))}`;
  const heading = hanging(
    verdictText(worstOf(findings), layout),
    `${paint("strong", title)}${place}`,
    VERDICT_WIDTH,
    width,
  );
  return [...heading, ...findings.flatMap((finding) => findingLines(finding, findings.length > 1, layout))];
}

function findingLines({ verdict, finding, remedy }: Finding, isOneOfMany: boolean, layout: Layout): string[] {
  const own = isOneOfMany && verdict !== "ok" ? verdictText(verdict, layout) : "";
  return [
    ...hanging(own, printable(finding), VERDICT_WIDTH, layout.width),
    ...(remedy === undefined
      ? []
      : hanging("", `${REMEDY}${printable(remedy)}`, VERDICT_WIDTH, layout.width).map((line) => line)),
  ];
}

function verdictText(verdict: Verdict, { paint }: Layout): string {
  return paint(TONES[verdict], verdict);
}

/** How all of it ended, in lines; `runbook` is where there is more to read. */
export function summaryLines(reports: readonly CheckReport[], runbook: string, { width }: Layout): string[] {
  const of = (verdict: Verdict) => reports.filter(({ findings }) => worstOf(findings) === verdict);
  const [problems, warnings] = [of("problem"), of("warning")];
  if (problems.length + warnings.length === 0) return wrap("Nothing is wrong, as far as was looked.", width);
  const names = [...problems, ...warnings].map(({ title }) => title).join(", ");
  const text = `${problems.length} with problems, ${warnings.length} with warnings: ${names}. What to do about each is in ${runbook}.`;
  return wrap(text, width);
}
