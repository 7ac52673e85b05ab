import type { FileSystem } from "./file-system.ts";

/** What an audit found in a region, or why it could not look there. */
export type RegionAudit =
  | { readonly region: string; readonly fileSystems: readonly FileSystem[] }
  | { readonly region: string; readonly error: string };

/** All file systems of an account, by region. */
export interface Audit {
  readonly regions: readonly RegionAudit[];
  readonly encrypted: number;
  readonly notEncrypted: number;
  /** Those of which the API does not tell it. */
  readonly notKnown: number;
}

export function auditOf(regions: readonly RegionAudit[]): Audit {
  const all = auditedFileSystems({ regions });
  const count = (wanted: boolean | undefined) => all.filter(({ encrypted }) => encrypted === wanted).length;
  return { regions, encrypted: count(true), notEncrypted: count(false), notKnown: count(undefined) };
}

/** All file systems of an audit: what is not encrypted first, then what is not known; otherwise in their order. */
export function auditedFileSystems({ regions }: Pick<Audit, "regions">): FileSystem[] {
  const rank = ({ encrypted }: FileSystem) => (encrypted === false ? 0 : encrypted === undefined ? 1 : 2);
  const all = regions.flatMap((region) => ("error" in region ? [] : region.fileSystems));
  return all.sort((one, other) => rank(one) - rank(other));
}

/** The regions that could not be looked at, each with its reason. */
export function failedRegions({ regions }: Audit): { region: string; error: string }[] {
  return regions.flatMap((region) => ("error" in region ? [region] : []));
}

/** An unencrypted file system is a finding, whatever else could not be looked at. */
export function auditOutcome(audit: Audit): "healthy" | "findings" | "could not look" {
  if (audit.notEncrypted > 0) return "findings";
  return audit.notKnown > 0 || failedRegions(audit).length > 0 ? "could not look" : "healthy";
}

const COLUMNS: readonly [title: string, cell: (fileSystem: FileSystem) => string | number | undefined][] = [
  ["region", ({ region }) => region],
  ["file_system_id", ({ id }) => id],
  ["name", ({ name }) => name],
  ["encrypted", ({ encrypted }) => (encrypted === undefined ? undefined : String(encrypted))],
  ["kms_key_id", ({ keyId }) => keyId],
  ["state", ({ state }) => state],
  ["created_at", ({ createdAt }) => createdAt?.toISOString()],
  ["size_bytes", ({ sizeBytes }) => sizeBytes],
  ["mount_targets", ({ mountTargets }) => mountTargets],
];

/**
 * An audit as a table for spreadsheets (RFC 4180). Names are what others gave: one that a spreadsheet would take
 * for a formula has an apostrophe in front.
 */
export function auditCsv(audit: Audit): string {
  const rows = auditedFileSystems(audit).map((fileSystem) => COLUMNS.map(([, cell]) => cell(fileSystem)));
  const lines = [COLUMNS.map(([title]) => title), ...rows];
  return lines.map((line) => `${line.map(csvCell).join(",")}\r\n`).join("");
}

function csvCell(value: string | number | undefined): string {
  if (value === undefined || typeof value === "number") return String(value ?? "");
  const harmless = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
