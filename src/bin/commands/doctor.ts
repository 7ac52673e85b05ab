import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { writeBundle } from "../../app/doctor/bundle.ts";
import { examine } from "../../app/doctor/doctor.ts";
import type { DoctorContext } from "../../app/doctor/examination.ts";
import { PROGRAMS } from "../../app/install/layout.ts";
import { hasFindings } from "../../core/doctor/checks.ts";
import { EfsError } from "../../core/errors.ts";
import { efsLines } from "../../core/fstab.ts";
import { type MountRequest, parseInvocation } from "../../core/request/request.ts";
import { quoted } from "../../core/text.ts";
import { systemPaths } from "../../paths.ts";
import { beginning, reportLines, summaryLines } from "../../render/doctor.ts";
import { SYSTEM_KERNEL } from "../../system/kernel.ts";
import { VERSION } from "../../version.ts";
import { inquiry } from "./inquiry.ts";
import { interruption, output, say, sayJson } from "./terminal.ts";

interface Options {
  readonly options: string;
  readonly json?: boolean;
  readonly bundle?: string;
}

const FSTAB = "/etc/fstab";
const CLEAR_LINE = "\r\x1b[K";

/** @param built where the built programs are */
export function addDoctor(program: Command, built: string): void {
  const command = program
    .command("doctor")
    .argument("[device]", "what would be mounted: fs-ID[:PATH], a name, or a mount point of /etc/fstab")
    .description("look for what keeps EFS from being mounted, and say what to do")
    .option("-o, --options <options>", "the mount's options", "tls")
    .option("--json", "as JSON, when all is looked at")
    .option("--bundle <file>", "write what support needs to this file (tar.gz), without secrets");
  inquiry(command, async (device: string | undefined, { options, json, bundle }: Options) => {
    const context: DoctorContext = {
      paths: systemPaths(built),
      environment: process.env,
      kernel: SYSTEM_KERNEL,
      hostName: hostname(),
      version: VERSION,
      fstab: FSTAB,
      request: device === undefined ? undefined : requestFor(device, options),
      helper: PROGRAMS["mount.efs"] ?? "/sbin/mount.efs",
      isRoot: process.geteuid?.() === 0,
    };
    const layout = output();
    const reports = await examine(
      context,
      (title) => {
        if (!json && layout.isTerminal) process.stdout.write(beginning(title));
      },
      (report) => {
        if (json) return;
        if (layout.isTerminal) process.stdout.write(CLEAR_LINE);
        for (const line of reportLines(report, layout)) say(line);
      },
      interruption(new EfsError("interrupted", "interrupted: nothing of the doctor's stays")),
    );
    const runbook = join(built, "runbook.md");
    if (json) sayJson("doctor/1", { checks: reports, runbook });
    else for (const line of ["", ...summaryLines(reports, runbook, layout)]) say(line);
    if (bundle !== undefined) {
      await writeBundle(bundle, context, reports);
      if (!json) say(`wrote ${bundle}: look at what is in it before you hand it on`);
    }
    return hasFindings(reports) ? "findings" : "healthy";
  });
}

/** The mount that would be made of a device, or of a line of fstab by its mount point. */
function requestFor(device: string, options: string): MountRequest {
  const line = device.startsWith("/")
    ? efsLines(readFileSync(FSTAB, "utf8")).find(({ mountPoint }) => mountPoint === device)
    : undefined;
  if (device.startsWith("/") && line === undefined) {
    throw new EfsError("usage", `no line of ${FSTAB} mounts EFS at ${quoted(device)}`, {
      hint: "name the file system: efs-utils doctor fs-12345678",
    });
  }
  // nothing is mounted there
  const [name, place, given] = line ? [line.device, line.mountPoint, line.options] : [device, "/", options];
  const invocation = parseInvocation([name, place, "-o", given], "/");
  if (invocation.kind !== "mount") throw new EfsError("usage", `${quoted(device)} is no device`);
  return invocation.request;
}
