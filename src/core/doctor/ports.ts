import { type Finding, ok, problem, warning } from "./checks.ts";

/** Fewer free ports than this are told of in time. */
const FEW = 10;

/** What is left of the range of local ports. */
export function portFindings(first: number, end: number, taken: ReadonlySet<number>): Finding[] {
  const remedy = "widen the range with port_range_upper_bound in [mount], or unmount what is not needed";
  if (first >= end) return [problem(`the range from ${first} to ${end} is empty`, remedy)];
  const used = [...taken].filter((port) => port >= first && port < end).length;
  const free = end - first - used;
  const what = `${free} of ${end - first} ports from ${first} to ${end - 1} are free`;
  if (free === 0) return [problem(`no port from ${first} to ${end - 1} is free`, remedy)];
  return [free < FEW ? warning(what, remedy) : ok(what)];
}
