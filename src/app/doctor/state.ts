import { statSync } from "node:fs";
import { type Finding, type Look, note, ok, problem, skipped, warning } from "../../core/doctor/checks.ts";
import { portFindings } from "../../core/doctor/ports.ts";
import type { Problem } from "../../core/status/status.ts";
import { WATCHDOG_UNIT } from "../../paths.ts";
import { hasCode, reason } from "../../system/errno.ts";
import { listeningPorts } from "../../system/procfs.ts";
import { isSystemdRunning, isUnitEnabled } from "../../system/systemd.ts";
import { runningWatchdog } from "../../system/watchdog-lock.ts";
import { lookAtMounts } from "../status/look.ts";
import { claimedPorts } from "../tunnel/port.ts";
import type { Examination } from "./examination.ts";

const ANSWER_LIMIT_MS = 10_000;

export async function portsCheck(examination: Examination): Promise<Look> {
  const { port_range_lower_bound: first, port_range_upper_bound: end } = examination.settings();
  const taken = new Set(listeningPorts());
  try {
    for (const port of claimedPorts(examination.context.paths.stateDirectory)) taken.add(port);
  } catch {
    // who may not read the directory sees the listeners at least
  }
  return { looked: `127.0.0.1, ports ${first} to ${end - 1}`, findings: portFindings(first, end, taken) };
}

/** The state directory, and how mounts and leftovers are: what efs-utils status tells. */
export async function stateCheck(examination: Examination): Promise<Look> {
  const { paths, kernel } = examination.context;
  const looked = `${paths.stateDirectory}, /proc/self/mountinfo`;
  const { mounts, problems, unread } = await lookAtMounts({
    paths,
    kernel,
    answerLimitMs: ANSWER_LIMIT_MS,
    tunnelAccess: examination.settings().tunnel_access,
  });
  const asFinding =
    (place: string) =>
    ({ what, remedy }: Problem) =>
      problem(`${place}${what}`, remedy);
  const findings: Finding[] = [
    ...directory(paths.stateDirectory),
    ...problems.map(asFinding("")),
    ...mounts.flatMap((mount) =>
      mount.kind === "orphan"
        ? mount.problems.map(({ what, remedy }) => warning(what, remedy))
        : mount.problems.map(asFinding(`${mount.mountPoint ?? "a mount"}: `)),
    ),
    ...unread.map((what) => skipped(`not read: ${what}`)),
  ];
  const isWell = findings.every(({ verdict }) => verdict === "skipped");
  const count = mounts.filter(({ kind }) => kind === "mount").length;
  return {
    looked,
    findings: isWell
      ? [
          ok(`${count === 0 ? "nothing is mounted" : "every mount is well"}, and nothing is left over`),
          ...findings,
        ]
      : findings,
  };
}

function directory(path: string): Finding[] {
  try {
    const { mode, uid } = statSync(path);
    if ((mode & 0o022) === 0 && uid === 0) return [];
    return [problem(`others than root can write ${path}`, `chown root ${path}; chmod 750 ${path}`)];
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    return [
      problem(`${path} cannot be looked at: ${reason(error)}`, "check what is mounted or linked there"),
    ];
  }
}

export async function watchdogCheck({ context }: Examination): Promise<Look> {
  const { paths, version, isRoot } = context;
  const looked = `${paths.stateDirectory}/watchdog.lock${isSystemdRunning() ? `, ${WATCHDOG_UNIT}.service` : ""}`;
  if (!isRoot) return { looked, findings: [skipped("only root can see which watchdog runs")] };
  const watchdog = runningWatchdog(paths.stateDirectory);
  const enabled = isSystemdRunning() ? await isUnitEnabled(WATCHDOG_UNIT) : undefined;
  const atBoot: Finding[] =
    enabled === false
      ? [
          note(
            "it is not started at boot, but by the first mount with tls",
            `systemctl enable ${WATCHDOG_UNIT}`,
          ),
        ]
      : [];
  if (watchdog === undefined) {
    const remedy = isSystemdRunning()
      ? `systemctl enable --now ${WATCHDOG_UNIT}`
      : `run ${WATCHDOG_UNIT} as a service`;
    const hasTunnels = claimedPorts(paths.stateDirectory).size > 0;
    const finding = hasTunnels
      ? problem(
          "none runs, and there are tunnels: what dies is not replaced, and certificates are not renewed",
          remedy,
        )
      : note("none runs; the first mount with tls starts it where systemd is process 1");
    return { looked, findings: [finding, ...atBoot] };
  }
  const { pid, version: theirs } = watchdog;
  const finding =
    theirs === version
      ? ok(`process ${pid} runs, version ${version}`)
      : warning(
          `process ${pid} is ${theirs === undefined ? "of an older version" : `version ${theirs}`}, this program is ${version}`,
          `restart it, mounts go on: systemctl restart ${WATCHDOG_UNIT}`,
        );
  return { looked, findings: [finding, ...atBoot] };
}
