import { unescaped } from "./nfs/mount-table.ts";

/** An option that tells systemd that a mount needs the network (systemd.mount(5)). */
const NETWORK_OPTION = "_netdev";

/** A line of fstab(5) that mounts EFS. */
export interface FstabLine {
  /** From 1. */
  readonly line: number;
  readonly device: string;
  readonly mountPoint: string;
  /** As they are written; `defaults` where none are. */
  readonly options: string;
  /** As they are written, escapes included. */
  readonly fields: readonly string[];
}

/**
 * The lines of type efs, in their order; what is no line of four fields or more is left out, three being enough where
 * the options are missing.
 */
export function efsLines(fstab: string): FstabLine[] {
  return fstab.split("\n").flatMap((text, index) => {
    const fields = text.split(/[ \t]+/).filter((field) => field !== "");
    const [device, mountPoint, type, options = "defaults"] = fields;
    if (device === undefined || device.startsWith("#") || mountPoint === undefined || type !== "efs")
      return [];
    return { line: index + 1, device: unescaped(device), mountPoint: unescaped(mountPoint), options, fields };
  });
}

/**
 * The lines that mount EFS and do not say that they need the network, with `_netdev` added. systemd knows which
 * types need it, and efs is none of them: such a line would be mounted before there is a network, and the whole
 * boot would wait for it and fail with it. Fields stay as they are, escapes included.
 */
export function linesWithoutNetwork(fstab: string): string[] {
  return efsLines(fstab).flatMap(({ fields: [device, mountPoint, type, options, ...rest] }) => {
    if (options?.split(",").includes(NETWORK_OPTION)) return [];
    const added = options === undefined ? NETWORK_OPTION : `${options},${NETWORK_OPTION}`;
    return [device, mountPoint, type, added, ...rest].join(" ");
  });
}
