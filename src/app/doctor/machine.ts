import { accessSync, constants, existsSync, realpathSync } from "node:fs";
import { type Finding, type Look, note, ok, problem, warning } from "../../core/doctor/checks.ts";
import { featureFindings, stunnelFindings } from "../../core/doctor/stunnel.ts";
import { readIfThere } from "../../system/files.ts";
import { run } from "../../system/process.ts";
import { installRemedy } from "../install/remedy.ts";
import type { Examination } from "./examination.ts";

const PROGRAM_LIMIT_MS = 10_000;
const MODPROBE = "/sbin/modprobe";

/** Whether mount(8) finds this very package. */
export async function installationCheck({ context }: Examination): Promise<Look> {
  const { helper, version } = context;
  const looked = `${helper}, node ${process.versions.node}`;
  if (!existsSync(helper)) {
    const finding = problem("it is not there: mount(8) does not know the type efs", installRemedy());
    return { looked, findings: [finding] };
  }
  const { stdout } = await run(helper, ["--version"], { timeoutMs: PROGRAM_LIMIT_MS });
  const said = stdout.trim().split(/\s+/).at(-1) || undefined;
  if (said === version) return { looked, findings: [ok(`version ${version}, as this program`)] };
  const what = said === undefined ? "does not run" : `is version ${said}, this program is ${version}`;
  return {
    looked,
    findings: [
      warning(
        `${helper} (${realpathSync(helper)}) ${what}`,
        `remove amazon-efs-utils where it is installed too, then ${installRemedy()}`,
      ),
    ],
  };
}

/** Whether the kernel can be a client of NFS 4.1. */
export async function kernelCheck(): Promise<Look> {
  const looked = "/proc/filesystems, the module nfsv4";
  const isLoaded = /\bnfs4$/m.test(readIfThere("/proc/filesystems") ?? "");
  if (isLoaded) return { looked, findings: [ok("it is loaded")] };
  const isThere =
    existsSync(MODPROBE) &&
    (await run(MODPROBE, ["--dry-run", "--quiet", "nfsv4"], { timeoutMs: PROGRAM_LIMIT_MS })).status === 0;
  const finding = isThere
    ? ok("it is there, and will be loaded by the first mount")
    : problem(
        "this kernel has none",
        "install the kernel's modules (linux-modules-extra on some clouds' kernels); in a container, load nfsv4 on the host",
      );
  return { looked, findings: [finding] };
}

export async function mountNfsCheck({ context }: Examination): Promise<Look> {
  const { mountNfs } = context.paths;
  try {
    accessSync(mountNfs, constants.X_OK);
  } catch {
    const remedy = "install nfs-common (Debian, Ubuntu) or nfs-utils";
    return { looked: mountNfs, findings: [problem("it is not there, or cannot be run", remedy)] };
  }
  const { stdout, stderr } = await run(mountNfs, ["-V"], { timeoutMs: PROGRAM_LIMIT_MS });
  const version = /nfs-utils (\S+?)\)/.exec(`${stdout}${stderr}`)?.[1];
  return { looked: mountNfs, findings: [ok(version === undefined ? "it runs" : `nfs-utils ${version}`)] };
}

export async function stunnelCheck(examination: Examination): Promise<Look> {
  const { path, capabilities } = await examination.stunnel();
  return { looked: path, findings: stunnelFindings(capabilities) };
}

export async function stunnelFeaturesCheck(examination: Examination): Promise<Look> {
  const { path, capabilities } = await examination.stunnel();
  const values = examination.settings();
  const wanted = {
    checkHost: values.stunnel_check_cert_hostname,
    ocsp: values.stunnel_check_cert_validity,
  };
  const relaxed: Finding[] = [
    ...(wanted.checkHost ? [] : [note("host names are not checked: stunnel_check_cert_hostname = false")]),
    ...(wanted.ocsp ? [] : [note("revocation is not checked: stunnel_check_cert_validity = false")]),
  ];
  return { looked: `${path} -help`, findings: [...featureFindings(capabilities, wanted), ...relaxed] };
}
