import { EfsError } from "../core/errors.ts";
import { SYSTEM_PATHS, WATCHDOG_UNIT } from "../paths.ts";

/** Where the programs' own files are. */
export const LIBRARY = "/usr/lib/amazon-efs-mount-helper";

/**
 * The programs, and where they are run: mount(8) looks for its helpers in /sbin. There are symbolic links
 * there, to launchers in the library: node takes a file that is called `.efs` for a program only where it
 * knows what it is from a package.json beside it, and it looks beside what the link leads to.
 */
export const PROGRAMS: Readonly<Record<string, string>> = {
  "mount.efs": "/sbin/mount.efs",
  "amazon-efs-mount-watchdog": "/usr/bin/amazon-efs-mount-watchdog",
  "efs-utils": "/usr/bin/efs-utils",
};

/** Where a program's launcher is. */
export function launcherPath(name: string): string {
  return `${LIBRARY}/bin/${name}`;
}

/** The package.json beside the launchers. */
export const LAUNCHERS_PACKAGE = { path: launcherPath("package.json"), text: '{ "type": "commonjs" }\n' };

/** A file for the administrator to read or to change: where it is used, and its name in the library, where it stays as it was shipped. */
export interface Shipped {
  readonly name: string;
  readonly path: string;
}

export const CONFIG: Shipped = { name: "efs-utils.conf", path: SYSTEM_PATHS.config };
export const CA_BUNDLE: Shipped = { name: "efs-utils.crt", path: SYSTEM_PATHS.caBundle };
export const UNIT: Shipped = {
  name: `${WATCHDOG_UNIT}.service`,
  path: `/etc/systemd/system/${WATCHDOG_UNIT}.service`,
};

const MANUAL = "/usr/local/share/man";

/** The manual pages, out of the way of those that packages bring. */
export const MAN_PAGES: readonly Shipped[] = [
  "mount.efs.8",
  "amazon-efs-mount-watchdog.8",
  "efs-utils.conf.5",
].map((name) => ({ name, path: `${MANUAL}/man${name.at(-1)}/${name}` }));

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
