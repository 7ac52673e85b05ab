import { existsSync, lstatSync } from "node:fs";
import { type Finding, type Look, note, ok, skipped, warning } from "../../core/doctor/checks.ts";
import { lineFindings } from "../../core/doctor/fstab.ts";
import { efsLines } from "../../core/fstab.ts";
import { readIfThere } from "../../system/files.ts";
import { isSystemdRunning, isUnitActive, isUnitEnabled } from "../../system/systemd.ts";
import type { Examination } from "./examination.ts";

export async function fstabCheck({ context }: Examination): Promise<Look> {
  const lines = efsLines(readIfThere(context.fstab) ?? "");
  const findings = lines.flatMap((line) => [...lineFindings(line), ...missing(line.line, line.mountPoint)]);
  return { looked: context.fstab, findings: findings.length > 0 ? findings : [ok("no line mounts EFS")] };
}

/** A mount point is only looked for by its name: a file system that hangs must not be touched. */
function missing(line: number, mountPoint: string): Finding[] {
  const parent = mountPoint.slice(0, mountPoint.lastIndexOf("/")) || "/";
  if (!existsSync(parent) || lstatSync(mountPoint, { throwIfNoEntry: false }) !== undefined) return [];
  return [warning(`line ${line} (${mountPoint}): the mount point does not exist`, `mkdir -p ${mountPoint}`)];
}

/** What waits until there is a network, of which a boot with EFS needs one. */
const WAITERS = [
  "NetworkManager-wait-online",
  "systemd-networkd-wait-online",
  "networking",
  "ifupdown-wait-online",
];

/** What has kept machines with EFS from booting as they should. */
export async function bootCheck({ context }: Examination): Promise<Look> {
  if (!isSystemdRunning()) return { looked: "/proc/1/comm", findings: [skipped("systemd is not process 1")] };
  const looked = "remote-fs.target, what waits for the network";
  if (efsLines(readIfThere(context.fstab) ?? "").length === 0)
    return { looked, findings: [ok("nothing of EFS is mounted at boot")] };
  const findings: Finding[] = [];
  const waiting = await Promise.all(WAITERS.map(isUnitEnabled));
  if (!waiting.includes(true))
    findings.push(
      warning(
        "nothing waits for the network at boot: network-online.target is reached before there is one",
        "enable what your network is run by, as: systemctl enable systemd-networkd-wait-online",
      ),
    );
  if ((await isUnitEnabled("remote-fs.target")) === false)
    findings.push(
      warning(
        "remote-fs.target is not enabled: nothing waits for network mounts",
        "systemctl enable remote-fs.target",
      ),
    );
  if ((await isUnitActive("remote-fs.target")) === false)
    findings.push(
      note(
        "remote-fs.target is not reached: a network mount failed at boot, or waits",
        "systemctl list-units --failed",
      ),
    );
  return { looked, findings: findings.length > 0 ? findings : [ok("no known trap")] };
}
