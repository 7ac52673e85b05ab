import { descendants } from "./procfs.ts";
import { sendSignal } from "./signals.ts";

/**
 * Ends the shells (`sh -c`) that this process has started, and all that these have: the AWS SDK runs programs of
 * profiles (credential_process) that way, hands nobody the child, and knows no limit.
 */
export function endShells(): void {
  const isShell = (argv: readonly string[]) => /(^|\/)sh$/.test(argv[0] ?? "") && argv[1] === "-c";
  for (const each of descendants(isShell)) sendSignal(each, "SIGKILL");
}
