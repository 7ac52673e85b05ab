import { readSections } from "../config/ini-text.ts";
import { IGNORED_KEYS, KEYS, type KeyId, keyName } from "../config/keys.ts";
import { efsLines } from "../fstab.ts";
import { describeSource, parseSource } from "../identity/source.ts";
import { logLine } from "../log-line.ts";
import { type LogSource, parseLog } from "../logs/entry.ts";
import { LISTEN, parseSocket } from "../nfs/connections.ts";
import { type MountEntry, tunnelPort } from "../nfs/mount-table.ts";
import { parseEfsHostName } from "../request/device.ts";
import { OWN_OPTIONS, splitOptions } from "../request/options.ts";
import { parseState } from "../state/state.ts";
import { splitSource } from "../status/join.ts";
import { redacted } from "./redact.ts";

/** What stands in the place of what may be a secret. */
const HIDDEN = "(hidden)";
const LONGEST_MESSAGE = 2000;

/** A value that can be a name, a number, an address or a path, and nothing with a password in it. */
const PLAIN = /^[A-Za-z0-9_.:/[\]{}+ ~-]{1,500}$/;

function plain(value: string): string {
  return PLAIN.test(value) && !value.includes("://") ? redacted(value) : HIDDEN;
}

/** Known settings of an efs-utils.conf, with their values as far as these are plain. */
export function harmlessConfig(text: string): string {
  const known = new Set([
    ...(Object.keys(KEYS) as KeyId[]).map(keyName),
    ...Object.values(IGNORED_KEYS).flat(),
  ]);
  const { sections } = readSections(text, () => {});
  const parts = [...sections].map(([section, keys]) => {
    const shown = [...keys].filter(([key]) => known.has(key));
    const lines = shown.map(([key, value]) => `${key} = ${value === "" ? "" : plain(value)}`);
    return [`[${plain(section)}]`, ...lines, ...leftOut(keys.size - shown.length)].join("\n");
  });
  return `${parts.join("\n\n")}\n`;
}

function leftOut(count: number): string[] {
  return count === 0 ? [] : [`# left out: ${count}`];
}

/** Options of mount.nfs4 and of mount(8) whose values are shown beside our own (nfs(5), mount(8)). */
const NFS_OPTIONS = new Set(
  `rw ro hard soft softerr vers nfsvers minorversion rsize wsize namlen timeo retrans sec proto clientaddr addr port
  mountport mountaddr mountvers mountproto local_lock lookupcache acregmin acregmax acdirmin acdirmax actimeo ac noac
  resvport noresvport nconnect max_connect trunkdiscovery fsc nofsc relatime noatime nodiratime nosuid nodev noexec
  defaults bg fg retry _netdev nofail auto noauto user nouser users x-systemd.automount x-systemd.mount-timeout`.split(
    /\s+/,
  ),
);
/** Values of our own that name where credentials are, or whose. */
const CREDENTIAL_OPTIONS = new Set(["awscredsuri", "jwtpath", "rolearn"]);

/** Known mount options, with their values as far as these are plain; of others not even the name. */
export function harmlessOptions(text: string): string {
  return optionsIn(text)
    .map(({ name, value }) => {
      if (!NFS_OPTIONS.has(name) && !Object.hasOwn(OWN_OPTIONS, name)) return "(option)";
      if (value === undefined) return name;
      return `${name}=${CREDENTIAL_OPTIONS.has(name) ? HIDDEN : plain(value)}`;
    })
    .join(",");
}

function optionsIn(text: string) {
  try {
    return splitOptions(text);
  } catch {
    return [];
  }
}

/** The lines of an fstab that mount EFS. */
export function harmlessFstab(text: string): string {
  const lines = efsLines(text).map(({ line, device, mountPoint, options, fields }) => {
    const rest = fields.slice(4).filter((field) => /^\d$/.test(field));
    return `# line ${line}\n${[plain(device), plain(mountPoint), "efs", harmlessOptions(options), ...rest].join(" ")}`;
  });
  return `${lines.join("\n")}\n`;
}

/** The mounts of EFS among all. */
export function efsMounts(mounts: readonly MountEntry[]): MountEntry[] {
  return mounts.filter((mount) => {
    const { host } = splitSource(mount.source);
    return mount.type.startsWith("nfs") && (tunnelPort(mount) ?? parseEfsHostName(host)) !== undefined;
  });
}

export function harmlessMounts(mounts: readonly MountEntry[]): string {
  const lines = efsMounts(mounts).map(({ id, device, mountPoint, type, source, superOptions }) =>
    [id, plain(device), plain(mountPoint), plain(type), plain(source), harmlessOptions(superOptions)].join(
      " ",
    ),
  );
  return `${lines.join("\n")}\n`;
}

/** What mountstats counts of EFS's mounts. */
export function harmlessStats(text: string, mounts: readonly MountEntry[]): string {
  const places = new Set(efsMounts(mounts).map(({ mountPoint }) => mountPoint));
  const paragraphs = text.split(/^(?=device |no device )/m).flatMap((paragraph) => {
    const [heading = "", ...lines] = paragraph.split("\n");
    const place = / mounted on (\S+) with fstype nfs/.exec(heading)?.[1] ?? "";
    if (!places.has(place)) return [];
    const counts = lines.filter((line) => /^\s*[A-Za-z0-9_ -]{1,40}:[\s\d.,-]*$/.test(line));
    return [`mounted on ${plain(place)}`, ...counts].join("\n");
  });
  return `${paragraphs.join("\n")}\n`;
}

/** Sockets that listen, or that have to do with a port, as `UID STATE LOCAL REMOTE`. */
export function harmlessSockets(text: string, ports: ReadonlySet<number>): string {
  const lines = text.split("\n").flatMap((line) => {
    const socket = parseSocket(line);
    if (socket === undefined) return [];
    const { local, remote, state, uid } = socket;
    if (state !== LISTEN && !ports.has(local.port) && !ports.has(remote.port)) return [];
    const end = ({ address, port }: typeof local) => `${address}:${port}`;
    return `${uid} ${state} ${end(local)} ${end(remote)}`;
  });
  return `${lines.join("\n")}\n`;
}

/** The lines of a log that are in the format of its writer, each redacted. */
export function harmlessLog(text: string, source: LogSource): string {
  const entries = parseLog(text, source);
  const lines = entries.map(({ time, level, message }) =>
    logLine(new Date(time), level, redacted(message.slice(0, LONGEST_MESSAGE))),
  );
  const others = text.split("\n").filter((line) => line !== "").length - entries.length;
  return [...lines, ...leftOut(others).map((line) => `${line}\n`)].join("");
}

/** Keys of a state file that are left out, or told in other words. */
const TOLD_OTHERWISE = new Set(["awsCredentialsMethod"]);

/** What a state file says under known keys. */
export function harmlessState(text: string, name: string, directory: string): string {
  try {
    const state = parseState(text, name, directory);
    const { known, count } = knownKeys(state as unknown as Record<string, unknown>);
    const source = parseSource(state.awsCredentialsMethod ?? "");
    const told = source === undefined || source.kind === "ecs" ? source?.kind : describeSource(source);
    const shown = { ...known, ...(told !== undefined && { credentials: told }) };
    return redacted(`${[JSON.stringify(shown, null, 2), ...leftOut(count)].join("\n")}\n`);
  } catch {
    return "(not a state file)\n";
  }
}

const STATE_KEYS = new Set(
  `pid files mount_time mountpoint service_type mountStateDir commonName region certificateCreationTime certificate
  privateKey fsId accessPoint unmount_time unmount_count last_stunnel_check_time pidStartTime keeper helper namespaces
  networkNamespace inheritsSocket`.split(/\s+/),
);

function knownKeys(state: Readonly<Record<string, unknown>>) {
  const entries = Object.entries(state);
  const known = entries.filter(([key]) => STATE_KEYS.has(key));
  const others = entries.filter(([key]) => !STATE_KEYS.has(key) && !TOLD_OTHERWISE.has(key));
  return { known: Object.fromEntries(known), count: others.length };
}

/** stunnel's options that we and other helpers write. */
const STUNNEL_OPTIONS = new Set(
  `fips foreground socket pid debug output syslog client accept connect sslversion sslversionmin sslversionmax
  renegotiation timeoutbusy timeoutclose timeoutidle timeoutconnect delay verify verifychain verifypeer cafile cert key
  checkhost sni ocspaia ocsprequire libwrap options retry`.split(/\s+/),
);

/** A tunnel's stunnel configuration: known options with plain values. */
export function harmlessStunnelConfig(text: string): string {
  const lines = text.split("\n").flatMap((line) => {
    const trimmed = line.trim();
    if (trimmed === "" || trimmed === "[efs]") return trimmed;
    const at = trimmed.indexOf("=");
    const name = trimmed.slice(0, Math.max(at, 0)).trim();
    if (!STUNNEL_OPTIONS.has(name.toLowerCase())) return "(line)";
    const value = trimmed.slice(at + 1).trim();
    return `${name} = ${/^[al]:[A-Z_]+=[a-z0-9]+$/.test(value) ? value : plain(value)}`;
  });
  return `${lines.join("\n")}\n`;
}

/** What was found, without what findings quote of files and answers. */
export function harmlessReport(report: unknown): string {
  const text = (value: string) =>
    redacted(value.slice(0, LONGEST_MESSAGE).replaceAll(/"[^"]*"/g, '"(text)"'));
  const replacer = (_: string, value: unknown) => (typeof value === "string" ? text(value) : value);
  return JSON.stringify(report, replacer, 2);
}
