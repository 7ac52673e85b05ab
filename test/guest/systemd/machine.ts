/** What is particular to the guests with systemd: their fstab, and a server that nobody reaches. */

export const WATCHDOG = "amazon-efs-mount-watchdog.service";

/** Where this package's packages are, below the repository. */
export const PACKAGES = "test/guest/.cache/packages";

/** Nothing ever comes back from its address, not even that nobody is there. */
export const BLACK_HOLE = {
  id: "fs-0badcafe",
  name: "fs-0badcafe.efs.us-east-1.amazonaws.com",
  address: "10.98.0.2",
  network: "10.98.0.1/24",
};

/** Directories that both file systems have; each holds a file `name`: `FSID/DIRECTORY`. */
export const DIRECTORIES = Array.from({ length: 15 }, (_, at) => `d${String(at + 1).padStart(2, "0")}`);

export const AUTOMOUNT = "/mnt/auto";
export const ABSENT = "/mnt/absent";
export const EARLY = "/mnt/early";

/** What an administrator would write, one line of each kind; some are there for one scenario alone. */
const ORDINARY: { line: string; onlyFor?: string }[] = [
  { line: "fs-12345678:/ /mnt/efs efs _netdev,tls 0 0" },
  { line: `fs-87654321:/d01 ${AUTOMOUNT} efs _netdev,tls,x-systemd.automount,x-systemd.idle-timeout=2s 0 0` },
  {
    line: `fs-87654321:/d02 ${EARLY} efs tls 0 0`,
    onlyFor: "a-line-without-netdev-is-mounted-with-the-network",
  },
  {
    line: `${BLACK_HOLE.id}:/ ${ABSENT} efs _netdev,nofail,tls 0 0`,
    onlyFor: "nofail-with-an-unreachable-server-does-not-hold-the-boot",
  },
];

/** The ordinary lines, without those of scenarios that are not run. */
export function ordinaryLines(scenarios: string[]): string[] {
  const wanted = ORDINARY.filter(({ onlyFor }) => onlyFor === undefined || scenarios.includes(onlyFor));
  return wanted.map(({ line }) => line);
}

export interface Line {
  fsId: string;
  directory: string;
  path: string;
}

export const THIRTY: Line[] = DIRECTORIES.flatMap((directory) =>
  ["fs-12345678", "fs-87654321"].map((fsId) => ({ fsId, directory, path: `/mnt/many/${fsId}-${directory}` })),
);

/** systemd's own limit is 90 s; thirty at once on one slow CPU may need longer. */
export function fstab(lines: Line[]): string[] {
  const options = "_netdev,tls,x-systemd.mount-timeout=10min";
  return lines.map(({ fsId, directory, path }) => `${fsId}:/${directory} ${path} efs ${options} 0 0`);
}

/** The name of systemd's unit for a mount point (systemd-escape(1), for the paths that there are here). */
export function unitOf(path: string): string {
  return `${path.slice(1).replaceAll("-", "\\x2d").replaceAll("/", "-")}.mount`;
}

/** One unit's properties as `systemctl show` prints them. */
export function properties(text: string): Record<string, string> {
  const pairs = text
    .trim()
    .split("\n")
    .map((line): [string, string] => {
      const at = line.indexOf("=");
      return [line.slice(0, at), line.slice(at + 1)];
    });
  return Object.fromEntries(pairs);
}
