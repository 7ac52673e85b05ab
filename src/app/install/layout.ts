import { EfsError } from "../../core/errors.ts";
import { SYSTEM_PATHS, WATCHDOG_UNIT } from "../../paths.ts";

/** What a package of this is called. */
export const PACKAGE = "amazon-efs-mount-helper";

/** Where the programs' own files are. */
export const LIBRARY = `/usr/lib/${PACKAGE}`;

/**
 * The programs, and where they are run: mount(8) looks for its helpers in /sbin. There are symbolic links
 * there, to launchers in the library: node takes a file that is called `.efs` for a program only where it
 * knows what it is from a package.json beside it, and it looks beside what the link leads to.
 */
export const PROGRAMS: Readonly<Record<string, string>> = {
  "mount.efs": "/sbin/mount.efs",
  "amazon-efs-mount-watchdog": "/usr/bin/amazon-efs-mount-watchdog",
  "efs-utils": "/usr/bin/efs-utils",
  "amazon-efs-fstab-generator": "/usr/lib/systemd/system-generators/amazon-efs-fstab-generator",
};

/** Where a program's launcher is. */
export function launcherPath(name: string): string {
  return `${LIBRARY}/bin/${name}`;
}

/** Where packages have the gate that a container puts in the place of mount.efs. */
export const CONTAINER_GATE = `${LIBRARY}/container/mount.efs`;

/** The package.json beside the launchers. */
export const LAUNCHERS_PACKAGE = { path: launcherPath("package.json"), text: '{ "type": "commonjs" }\n' };

/** A file for the administrator to read or to change: where it is used, and its name in the library, where it stays as it was shipped. */
export interface Shipped {
  readonly name: string;
  readonly path: string;
}

export const CONFIG: Shipped = { name: "efs-utils.conf", path: SYSTEM_PATHS.config };
export const CA_BUNDLE: Shipped = { name: "efs-utils.crt", path: SYSTEM_PATHS.caBundle };

/** What has places of its own for packages and for administrators, whose files take precedence there. */
export interface Layout {
  readonly unit: Shipped;
  readonly manPages: readonly Shipped[];
  /** What completes the commands of efs-utils in bash. */
  readonly completion: Shipped;
  /** For logrotate(8). */
  readonly logRotation: Shipped;
}

const MAN_PAGES = ["mount.efs.8", "amazon-efs-mount-watchdog.8", "efs-utils.8", "efs-utils.conf.5"];

function layout({ units, data }: { readonly units: string; readonly data: string }): Layout {
  const unit = `${WATCHDOG_UNIT}.service`;
  return {
    unit: { name: unit, path: `${units}/${unit}` },
    manPages: MAN_PAGES.map((name) => ({ name, path: `${data}/man/man${name.at(-1)}/${name}` })),
    completion: { name: "efs-utils.bash", path: `${data}/bash-completion/completions/efs-utils` },
    logRotation: { name: "logrotate", path: `/etc/logrotate.d/${PACKAGE}` },
  };
}

/** Where `efs-utils install` puts things on a machine: out of the way of what packages bring. */
export const LOCAL_LAYOUT = layout({ units: "/etc/systemd/system", data: "/usr/local/share" });

/** Where a package has them. */
export const PACKAGE_LAYOUT = layout({ units: "/usr/lib/systemd/system", data: "/usr/share" });

/** All of a layout that is written anew by every installation. */
export function replacedFiles({ unit, ...others }: Layout): Shipped[] {
  return [unit, ...others.manPages, others.completion, others.logRotation];
}

/** Where a package has a node of its own, beside the launchers that run it. */
export const RUNTIME = launcherPath("node");

/** The longest `#!` line that every kernel we know of reads whole, in bytes. */
const LONGEST_SHEBANG = 127;

/**
 * A launcher's text.
 *
 * @throws EfsError (usage) where the kernel would not find `node` in a `#!` line
 */
export function launcherText(name: string, node: string): string {
  const shebang = `#!${node}`;
  const tooLong = Buffer.byteLength(shebang) > LONGEST_SHEBANG;
  const wrong = !node.startsWith("/")
    ? "is not absolute"
    : /\s/.test(node)
      ? "holds blanks"
      : tooLong && `is longer than ${LONGEST_SHEBANG - "#!".length} bytes`;
  if (wrong) {
    throw new EfsError("usage", `the path of node, ${node}, ${wrong}`, {
      hint: "name another one with --node, for instance a symbolic link to it",
    });
  }
  return `${shebang}\nrequire("../launch.cjs").launch("${name}");\n`;
}
