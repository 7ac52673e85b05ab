/** An option that tells systemd that a mount needs the network (systemd.mount(5)). */
const NETWORK_OPTION = "_netdev";

/**
 * The lines of an fstab(5) that mount EFS and do not say that they need the network, with `_netdev` added.
 * systemd knows which types need it, and efs is none of them: such a line would be mounted before there is a
 * network, and the whole boot would wait for it and fail with it. Fields stay as they are, escapes included;
 * what is no line of four fields or more is left out, three being enough where the options are missing.
 */
export function linesWithoutNetwork(fstab: string): string[] {
  return fstab.split("\n").flatMap((line) => {
    const fields = line.split(/[ \t]+/).filter((field) => field !== "");
    const [device, mountPoint, type, options, ...rest] = fields;
    if (device === undefined || device.startsWith("#") || mountPoint === undefined || type !== "efs")
      return [];
    if (options?.split(",").includes(NETWORK_OPTION)) return [];
    const added = options === undefined ? NETWORK_OPTION : `${options},${NETWORK_OPTION}`;
    return [device, mountPoint, type, added, ...rest].join(" ");
  });
}
