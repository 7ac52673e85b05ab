import { NO_FILTER_REMEDY } from "../../core/access/mode.ts";
import { type Look, note, ok, problem, skipped, warning } from "../../core/doctor/checks.ts";
import { findFirewall } from "../access/find-firewall.ts";
import type { Examination } from "./examination.ts";

/** Whether other users can be kept out of tunnels. */
export async function tunnelAccessCheck(examination: Examination): Promise<Look> {
  const { request, isRoot } = examination.context;
  const mode = examination.settings().tunnel_access;
  const looked = `nft, iptables; tunnel_access = ${mode}`;
  if (mode === "any") {
    const finding = "every local user can use the tunnels, as any user: tunnel_access = any";
    return { looked, findings: [note(finding, "set tunnel_access = auto in [mount] of efs-utils.conf")] };
  }
  if (!isRoot) return { looked, findings: [skipped("only root can see whether rules can be set")] };
  const { firewall, why } = await findFirewall(request?.networkNamespace);
  if (firewall !== undefined)
    return { looked, findings: [ok(`${firewall.program} closes the ports of tunnels to other users`)] };
  const finding =
    mode === "root"
      ? problem(`mounts with tls are refused: no packet filter can be used (${why})`, NO_FILTER_REMEDY)
      : warning(`every local user can use the tunnels, as any user: ${why}`, NO_FILTER_REMEDY);
  return { looked, findings: [finding] };
}
