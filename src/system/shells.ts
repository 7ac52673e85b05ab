import { findProcesses, type ProcessFacts } from "./procfs.ts";
import { sendSignal } from "./signals.ts";

/**
 * Ends the shells (`sh -c`) that this process has started, and all that these have: the AWS SDK runs programs of
 * profiles (credential_process) that way, hands nobody the child, and knows no limit.
 */
export function endShells(): void {
  const everything = findProcesses(() => true);
  const isShell = ({ parent, argv }: ProcessFacts) =>
    parent === process.pid && /(^|\/)sh$/.test(argv[0] ?? "") && argv[1] === "-c";
  const ending = everything.filter(isShell);
  // the list grows by the children of what is on it
  for (const { pid } of ending) ending.push(...everything.filter(({ parent }) => parent === pid));
  for (const each of ending) sendSignal(each, "SIGKILL");
}
