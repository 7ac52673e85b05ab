import { type Audit, auditedFileSystems, failedRegions } from "../core/encryption/audit.ts";
import type { FileSystem } from "../core/encryption/file-system.ts";
import { printable } from "../core/text.ts";
import { atRestWord } from "./encryption.ts";
import { count } from "./figures.ts";
import { type Layout, table, wrap } from "./table.ts";

const COLUMNS = [
  { title: "REGION" },
  { title: "FILE SYSTEM" },
  { title: "NAME" },
  { title: "AT REST" },
  { title: "KEY" },
];

/** An audit as text: what is not encrypted first, a summary last. */
export function auditText(audit: Audit, layout: Layout): string[] {
  const rows = auditedFileSystems(audit).map((fileSystem) => row(fileSystem, layout));
  const missing = failedRegions(audit).flatMap(({ region, error }) =>
    wrap(layout.paint("doubtful", printable(`not looked at ${region}: ${error}`)), layout.width),
  );
  return [
    ...(rows.length === 0 ? [] : [...table(COLUMNS, rows, layout), ""]),
    ...missing,
    ...wrap(summary(audit), layout.width),
  ];
}

/** On narrower terminals a key's id is cut, so that those of file systems need not be. */
const ROOM_FOR_KEYS = 120;
/** A key's id to its first hyphen. */
const SHORT_KEY = 8;

function row({ region, id, name, encrypted, keyId }: FileSystem, { paint, width }: Layout): string[] {
  // the account and the region are the file system's
  const key = keyId?.replace(/^arn:[^/]*:key\//, "") ?? "";
  const shown = width < ROOM_FOR_KEYS && key.length > SHORT_KEY ? `${key.slice(0, SHORT_KEY)}…` : key;
  return [
    printable(region),
    printable(id),
    printable(name ?? ""),
    atRestWord(encrypted, paint),
    printable(shown),
  ];
}

function summary({ regions, encrypted, notEncrypted, notKnown }: Audit): string {
  const looked = regions.filter((region) => !("error" in region)).length;
  return [
    `${count(encrypted + notEncrypted + notKnown, "file system")} in ${count(looked, "region")}`,
    ...(encrypted === 0 ? [] : [`${encrypted} encrypted`]),
    ...(notEncrypted === 0 ? [] : [`${notEncrypted} not encrypted at rest`]),
    ...(notKnown === 0 ? [] : [`${notKnown} not known`]),
    ...(looked === regions.length ? [] : [`${count(regions.length - looked, "region")} not looked at`]),
  ].join(", ");
}
