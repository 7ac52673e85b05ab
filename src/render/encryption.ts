import type { KeyStatus } from "../core/encryption/key.ts";
import type { AtRestStatus, EncryptionStatus } from "../core/encryption/status.ts";
import type { ServerChecks, TransitStatus } from "../core/encryption/transit.ts";
import type { Problem } from "../core/status/status.ts";
import { printable } from "../core/text.ts";
import type { Paint } from "./paint.ts";
import { hanging, type Layout, wrap } from "./table.ts";

const INDENT = "    ";
/** As wide as the longest title, and two blanks. */
const TITLE_WIDTH = 10;
const HANG = INDENT.length + TITLE_WIDTH;

/** Encryption of mounts and file systems as text. */
export function encryptionText({ inTransit, atRest, unread }: EncryptionStatus, layout: Layout): string[] {
  const { paint } = layout;
  const transit = inTransit.flatMap((mount) => transitText(mount, layout));
  const rest = atRest.flatMap((fileSystem, index) => [
    ...(index === 0 ? [] : [""]),
    ...atRestText(fileSystem, layout),
  ]);
  return [
    paint("strong", "In transit"),
    ...(transit.length === 0 ? ["none is mounted on this machine"] : transit),
    "",
    paint("strong", "At rest"),
    ...(rest.length === 0 ? ["no file system to ask for: name one, as fs-12345678"] : rest),
    ...(unread.length === 0 ? [] : ["", ...unreadLines(unread, "", layout)]),
  ];
}

function transitText(mount: TransitStatus, layout: Layout): string[] {
  const { paint, width } = layout;
  const what = mount.fileSystem === undefined ? [] : [printable(mount.fileSystem)];
  const words = {
    tls: paint("good", "TLS"),
    plain: paint("bad", "not encrypted"),
    foreign: paint("doubtful", "unknown"),
  };
  const line = [printable(mount.mountPoint), ...what, words[mount.protection], ...how(mount)].join("  ");
  return [...wrap(line, width), ...problemLines(mount.problems, layout)];
}

function how({ protection, port, checks }: TransitStatus): string[] {
  const through = port === undefined ? [] : [`127.0.0.1:${port}`];
  if (protection === "foreign") return [...through, "through a local port of somebody else's"];
  return [...through, ...(checks === undefined ? [] : [checksText(checks)])];
}

function checksText({ chain, hostName, revocation }: ServerChecks): string {
  const proven = [
    ...(chain ? ["certificate"] : []),
    ...(hostName ? ["host name"] : []),
    ...(revocation ? ["revocation"] : []),
  ];
  return proven.length === 0 ? "server not verified" : `server verified: ${proven.join(", ")}`;
}

function atRestText(status: AtRestStatus, layout: Layout): string[] {
  const { paint, width } = layout;
  const { fileSystem, name, region, encrypted, key } = status;
  const place = region === undefined ? [] : [printable(region)];
  const named = name === undefined ? [] : [printable(name)];
  return [
    ...wrap([printable(fileSystem), ...place, ...named, atRestWord(encrypted, paint)].join("  "), width),
    ...problemLines(status.problems, layout),
    ...(key === undefined ? [] : keyText(key, layout)),
    ...unreadLines(status.unread, INDENT, layout),
  ];
}

/** Whether something is encrypted at rest, in a word or two of their colour. */
export function atRestWord(encrypted: boolean | undefined, paint: Paint): string {
  if (encrypted === undefined) return paint("doubtful", "not known");
  return encrypted ? paint("good", "encrypted") : paint("bad", "not encrypted");
}

function keyText(key: KeyStatus, layout: Layout): string[] {
  const { id, needs = [], grants } = key;
  const fact = (title: string, text: string) =>
    hanging(`${INDENT}${title}`, printable(text), HANG, layout.width);
  return [
    ...fact("key", id),
    ...fact("", stateText(key)),
    ...fact("rotation", rotationText(key)),
    ...needs.flatMap(({ action, state, why }, index) =>
      fact(
        index === 0 ? "needs" : "",
        `${action}: ${state === "unmet" ? "missing, " : state === "open" ? "perhaps, " : ""}${why}`,
      ),
    ),
    ...(grants === undefined ? [] : fact("grants", grants === 0 ? "none for it" : `${grants} for it`)),
  ];
}

function stateText({ manager, state, deletionDate }: KeyStatus): string {
  const whose = { customer: ["a customer's own key"], aws: ["AWS's key for EFS"] }[manager ?? "aws"];
  const when = deletionDate === undefined ? "" : ` on ${deletionDate.toISOString().slice(0, 10)}`;
  return [
    ...(manager === undefined ? [] : whose),
    `${state === undefined ? "state not known" : words(state)}${when}`,
  ].join(", ");
}

/** A state of KMS as words, such as `pending deletion`. */
function words(state: string): string {
  return state.replaceAll(/(?<=[a-z])(?=[A-Z])/g, " ").toLowerCase();
}

function rotationText({ rotation, manager, unread }: KeyStatus): string {
  if (rotation === undefined) return unread.length > 0 ? "not known" : "not possible for this kind of key";
  if (!rotation.isOn)
    return `off${manager === "customer" ? ": aws kms enable-key-rotation turns it on" : ""}`;
  const every = rotation.periodDays === undefined ? "on" : `every ${rotation.periodDays} days`;
  const next =
    rotation.nextDate === undefined ? [] : [`next on ${rotation.nextDate.toISOString().slice(0, 10)}`];
  return [every, ...next].join(", ");
}

function problemLines(problems: readonly Problem[], { paint, width }: Layout): string[] {
  return problems.flatMap(({ what, remedy }) => [
    ...hanging(`${INDENT}${paint("bad", "problem")}`, printable(what), HANG, width),
    ...hanging(`${INDENT}remedy`, printable(remedy), HANG, width),
  ]);
}

function unreadLines(unread: readonly string[], indent: string, { paint, width }: Layout): string[] {
  return unread.flatMap((what) =>
    hanging(indent, paint("quiet", `not read: ${printable(what)}`), indent.length, width),
  );
}
