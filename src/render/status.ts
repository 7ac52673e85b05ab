import type { Answer, MountStatus, Problem, Status, Traffic, TunnelStatus } from "../core/status/status.ts";
import { printable } from "../core/text.ts";
import { count, duration, moment, shortly, size } from "./figures.ts";
import { hanging, type Layout, wrap } from "./table.ts";

const INDENT = "    ";
/** As wide as the longest title, and two blanks. */
const TITLE_WIDTH = 13;

/** The state of all mounts as text, what needs somebody first. `now` in milliseconds since the epoch. */
export function statusText({ mounts, problems, unread }: Status, layout: Layout, now: number): string[] {
  const { paint, width } = layout;
  const machine = problems.flatMap((problem) => problemLines(problem, "", layout));
  const each = mounts.flatMap((mount) => ["", ...mountText(mount, layout, now)]);
  const missing = unread.map((what) => paint("quiet", `not read: ${printable(what)}`));
  const blank = missing.length === 0 ? [] : [""];
  return [
    ...wrap(summary(mounts), width),
    ...machine,
    ...each,
    ...blank,
    ...missing.flatMap((text) => wrap(text, width)),
  ];
}

function summary(mounts: readonly MountStatus[]): string {
  const real = mounts.filter(({ kind }) => kind === "mount");
  const orphans = mounts.length - real.length;
  const ill = real.filter(({ problems }) => problems.length > 0).length;
  const plain = real.filter(({ protection }) => protection === "plain").length;
  return [
    real.length === 0 ? "no EFS file system is mounted" : count(real.length, "mount"),
    ...(plain === 0 ? [] : [`${plain} without encryption in transit`]),
    ...(ill === 0 ? [] : [`${ill} with a problem`]),
    ...(orphans === 0 ? [] : [`${count(orphans, "tunnel")} left over`]),
  ].join(", ");
}

function mountText(mount: MountStatus, layout: Layout, now: number): string[] {
  const { paint, width } = layout;
  const { kind, mountPoint, problems, tunnel, traffic, ageSeconds } = mount;
  const verdict =
    kind === "orphan"
      ? paint("doubtful", "left over")
      : problems.length > 0
        ? paint("bad", "problem")
        : paint("good", "ok");
  const place = paint("strong", printable(mountPoint ?? "(mount point unknown)"));
  const what = `${printable(mount.fileSystem ?? mount.dnsName ?? "file system unknown")}${kind === "mount" ? `:${printable(mount.path ?? "/")}` : ""}`;
  const how = mount.protection === "tls" ? "TLS" : paint("doubtful", "not encrypted in transit");
  const facts: [string, string | undefined][] = [
    ["tunnel", tunnel && tunnelText(tunnel)],
    ["server", serverText(mount)],
    ["certificate", tunnel?.certificate && certificateText(tunnel.certificate, now)],
    ["identity", tunnel && identityText(tunnel)],
    ["traffic", traffic && trafficText(traffic)],
    ["mounted for", ageSeconds === undefined ? undefined : duration(1000 * ageSeconds)],
  ];
  return [
    ...wrap(`${place}  ${what}  ${how}  ${verdict}`, width),
    ...problems.flatMap((problem) => problemLines(problem, INDENT, layout)),
    ...facts.flatMap(([title, text]) =>
      text === undefined
        ? []
        : hanging(`${INDENT}${title}`, printable(text), INDENT.length + TITLE_WIDTH, width),
    ),
  ];
}

function problemLines({ what, remedy }: Problem, indent: string, { paint, width }: Layout): string[] {
  const title = `${indent}${paint("bad", "problem")}`;
  const hang = indent.length + TITLE_WIDTH;
  return [
    ...hanging(title, printable(what), hang, width),
    ...hanging(`${indent}remedy`, printable(remedy), hang, width),
  ];
}

function tunnelText({ port, pid, ageSeconds, restarts, networkNamespace }: TunnelStatus): string {
  const where = `127.0.0.1:${port}${networkNamespace === undefined ? "" : ` in ${networkNamespace}`}`;
  const age = ageSeconds === undefined ? "" : ` for ${duration(1000 * ageSeconds)}`;
  const who = pid === undefined ? "nothing runs" : `stunnel ${pid}${age}`;
  return [where, who, ...(restarts === undefined ? [] : [`restarted ${count(restarts, "time")}`])].join(", ");
}

function serverText({ address, answer, tunnel }: MountStatus): string | undefined {
  const parts = [
    ...(address === undefined ? [] : [address]),
    ...(answer === undefined ? [] : [answerText(answer)]),
    ...(answer === undefined && tunnel?.networkNamespace !== undefined
      ? ["not asked: it is in another network namespace"]
      : []),
  ];
  return parts.length === 0 ? undefined : parts.join(", ");
}

function answerText({ outcome, connectMs, roundTripMs }: Answer): string {
  if (outcome === "silent") return "does not answer";
  if (outcome === "closed") return "accepts no connection";
  const connecting = connectMs === undefined ? "" : ` (${shortly(connectMs)} with a new connection)`;
  return roundTripMs === undefined
    ? `answers${connecting}`
    : `answers in ${shortly(roundTripMs)}${connecting}`;
}

function certificateText(
  { createdAt, expiresAt }: { createdAt: Date; expiresAt: Date },
  now: number,
): string {
  const age = duration(Math.max(0, now - createdAt.getTime()));
  const left = expiresAt.getTime() - now;
  return `made ${age} ago, ${left > 0 ? `good for ${duration(left)}, until` : "expired at"} ${moment(expiresAt)}`;
}

function identityText({ identity, accessPoint }: TunnelStatus): string | undefined {
  const parts = [identity, accessPoint && `access point ${accessPoint}`].filter((part) => part !== undefined);
  return parts.length === 0 ? undefined : parts.join(", through ");
}

function trafficText({ bytesRead, bytesWritten, operations, retransmissions, timeouts }: Traffic): string {
  return [
    `${size(bytesRead)} read`,
    `${size(bytesWritten)} written`,
    count(operations, "operation"),
    `${retransmissions.toLocaleString("en-US")} sent again`,
    `${timeouts.toLocaleString("en-US")} timed out`,
  ].join(", ");
}
