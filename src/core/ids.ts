/** Identifiers that are checked once, where they enter, and trusted from then on. */
declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** `fs-` and lower-case hexadecimal digits. */
export type FileSystemId = Branded<"FileSystemId">;
/** `fsap-` and 17 lower-case hexadecimal digits. */
export type AccessPointId = Branded<"AccessPointId">;
/** A region's name, such as us-east-1. */
export type Region = Branded<"Region">;
/** A TCP port, 1 to 65535. */
export type Port = number & { readonly [brand]: "Port" };

export function parseFileSystemId(text: string): FileSystemId | undefined {
  return /^fs-[0-9a-f]+$/.test(text) ? (text as FileSystemId) : undefined;
}

export function parseAccessPointId(text: string): AccessPointId | undefined {
  return /^fsap-[0-9a-f]{17}$/.test(text) ? (text as AccessPointId) : undefined;
}

/** Letters and digits in words joined by hyphens: strict enough to be safe in a host name. */
export function parseRegion(text: string): Region | undefined {
  return /^[a-z0-9]+(-[a-z0-9]+)+$/.test(text) && text.length <= 63 ? (text as Region) : undefined;
}

export function parsePort(text: string): Port | undefined {
  return /^[0-9]{1,5}$/.test(text) ? asPort(Number(text)) : undefined;
}

export function asPort(value: number): Port | undefined {
  return Number.isInteger(value) && value >= 1 && value <= 65535 ? (value as Port) : undefined;
}
