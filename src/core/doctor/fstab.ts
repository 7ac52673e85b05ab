import { EfsError } from "../errors.ts";
import type { FstabLine } from "../fstab.ts";
import { isForOthers, isOwn, OWN_OPTIONS, splitOptions } from "../request/options.ts";
import { parseInvocation } from "../request/request.ts";
import { hasControlCharacter } from "../text.ts";
import { type Finding, note, ok, problem, warning } from "./checks.ts";
import { nearest } from "./nearest.ts";

/** Options of nfs(5) and mount(8) that fstab lines have, as far as misspellings are told from them. */
const OTHERS_OPTIONS = [
  ..."ac acdirmax acdirmin acl acregmax acregmin actimeo async atime auto bg bsize clientaddr context cto".split(
    " ",
  ),
  ..."defaults defcontext dev diratime dirsync exec fg fsc fscontext group hard intr lazytime local_lock".split(
    " ",
  ),
  ..."lookupcache max_connect migration minorversion mountport namlen nconnect nfsvers noac noacl noatime".split(
    " ",
  ),
  ..."noauto nocto nodev nodiratime noexec nofail nofsc nointr nolock nomigration norelatime noresvport".split(
    " ",
  ),
  ..."noshare nostrictatime nosuid nouser owner port proto rdirplus nordirplus relatime remount resvport".split(
    " ",
  ),
  ..."retrans retry ro rootcontext rsize rw sec sharecache nosharecache sloppy soft softerr softreval".split(
    " ",
  ),
  ..."strictatime suid sync timeo trunkdiscovery user users v3 v4 v4.0 v4.1 v4.2 vers wsize xprtsec _netdev".split(
    " ",
  ),
];

const KNOWN = [...Object.keys(OWN_OPTIONS), ...OTHERS_OPTIONS];

/** What is wrong with a line, or will be. */
export function lineFindings({ line, device, mountPoint, options }: Omit<FstabLine, "fields">): Finding[] {
  const where = `line ${line} (${mountPoint})`;
  const broken = refusal(device, mountPoint, options);
  const given = hasControlCharacter(options) ? [] : splitOptions(options);
  const names = [...new Set(given.map(({ name }) => name))];
  const findings: Finding[] = [];
  if (broken !== undefined)
    findings.push(problem(`${where}: ${broken.message}`, broken.hint ?? "correct the line"));
  for (const name of names) {
    if (KNOWN.includes(name) || isOwn(name) || isForOthers({ name, value: undefined })) continue;
    const meant = nearest(name, KNOWN);
    findings.push(
      meant === undefined
        ? note(`${where}: the option ${name} is not known here, and goes to mount.nfs4 as it is`)
        : problem(`${where}: the option ${name} is not known`, `did you mean ${meant}?`),
    );
  }
  if (!names.includes("_netdev") && !names.includes("noauto")) {
    findings.push(
      warning(
        `${where}: _netdev is missing: systemd takes it for local, and only this package's generator has it wait for the network`,
        "add _netdev to its options",
      ),
    );
  }
  if (!names.includes("nofail") && !names.includes("noauto") && !names.includes("x-systemd.automount"))
    findings.push(note(`${where}: without nofail, a boot waits for it and remote-fs.target fails with it`));
  if (!names.includes("tls"))
    findings.push(note(`${where}: without tls, its data is not encrypted in transit`));
  return findings.some(({ verdict }) => verdict !== "note")
    ? findings
    : [ok(`${where}: ${device}, ${options}`), ...findings];
}

/** Why the mount helper would refuse the line, by its own rules. */
function refusal(device: string, mountPoint: string, options: string): EfsError | undefined {
  try {
    parseInvocation([device, mountPoint, "-o", options], "/");
    return undefined;
  } catch (error) {
    if (error instanceof EfsError) return error;
    throw error;
  }
}
