import { existsSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { EfsError } from "../../core/errors.ts";
import { SYSTEM_PATHS, WATCHDOG_UNIT } from "../../paths.ts";
import { reason } from "../../system/errno.ts";
import { readIfThere } from "../../system/files.ts";
import { findProcesses } from "../../system/procfs.ts";
import { findFirewall } from "../access/find-firewall.ts";
import { CA_BUNDLE, CONFIG, LIBRARY, LOCAL_LAYOUT, launcherPath, PROGRAMS, type Shipped } from "./layout.ts";
import { isLinkTo, isThere, Root, refusePackaged } from "./root.ts";

/** The program that mount(8) runs. */
const HELPER = "mount.efs";

export interface UninstallOptions {
  /** Directory of built programs: tells what was shipped where the library is gone already. */
  readonly built: string;
  /** The directory that stands for /. */
  readonly root: string;
  /** Whether a changed configuration, the key and the logs go too. */
  readonly purge: boolean;
  /** Takes one line for each thing done. */
  readonly say: (line: string) => void;
}

/**
 * Takes away what `install` wrote, as far as it is there and as it was written. While tunnels are in use,
 * only new mounts are made impossible: tunnels need their watchdog, its keeper, the key and the CA bundle.
 *
 * @throws EfsError naming what could not be done; what was done before has been said
 */
export async function uninstall({ built, root: directory, purge, say }: UninstallOptions): Promise<void> {
  const root = new Root(directory);
  refusePackaged(root);
  const library = root.place(LIBRARY);
  const remove = (file: string) => {
    if (!isThere(file)) return;
    removing(file, () => rmSync(file, { recursive: true }));
    say(`removed ${file}`);
  };
  const removeLink = (name: string, path: string) => {
    const link = root.place(path);
    if (isLinkTo(link, launcherPath(name))) remove(link);
    else if (isThere(link)) say(`kept ${link}, which is somebody else's`);
  };
  const removeShipped = ({ name, path }: Shipped) => {
    const file = root.place(path);
    const text = readIfThere(file);
    const asShipped = [library, built].some((from) => readIfThere(join(from, name)) === text);
    if (text === undefined || asShipped || purge) remove(file);
    else say(`kept ${file}, which was changed`);
  };

  const { unit, manPages, completion, logRotation } = LOCAL_LAYOUT;
  const { [HELPER]: helper = "", ...others } = PROGRAMS;
  removeLink(HELPER, helper);
  if (root.isMachine && tunnelsRun()) {
    say("kept the rest for the tunnels in use: umount what is mounted, then uninstall again");
    return;
  }
  const hasUnit = isThere(root.place(unit.path));
  if (hasUnit) {
    await root.systemctl("--quiet", "disable", WATCHDOG_UNIT);
    await root.systemctl("stop", WATCHDOG_UNIT);
    removeShipped(unit);
  }
  if (root.isMachine) await removeRules(say);
  for (const [name, path] of Object.entries(others)) removeLink(name, path);
  // what the generator wrote goes as well
  if (hasUnit) await root.systemctl("daemon-reload");
  for (const shipped of [...manPages, completion, logRotation]) {
    removeShipped(shipped);
    removeEmpty(dirname(root.place(shipped.path)), () => {});
  }
  removeEmpty(dirname(dirname(root.place(completion.path))), () => {});
  removeShipped(CONFIG);
  removeShipped(CA_BUNDLE);
  const key = root.place(SYSTEM_PATHS.privateKey);
  const logs = root.place(SYSTEM_PATHS.logDirectory);
  if (purge) for (const path of [key, logs]) remove(path);
  remove(library);
  for (const directory of [logs, dirname(logs), dirname(key), dirname(dirname(key))])
    removeEmpty(directory, say);
}

/** Removes the packet filter's rules for tunnels, which the watchdog does too with the last tunnel. */
async function removeRules(say: (line: string) => void): Promise<void> {
  const { firewall } = await findFirewall(undefined, { cache: SYSTEM_PATHS.firewallCache });
  if (firewall === undefined) return;
  try {
    const closed = await firewall.closedPorts();
    await firewall.clear();
    if (closed.size > 0) say(`removed the rules for tunnels (${firewall.program})`);
  } catch (error) {
    say(`kept the rules for tunnels: ${reason(error)}`);
  }
}

/** Whether stunnel or its keeper run with a configuration of ours, /var/run being /run. */
function tunnelsRun(): boolean {
  const config = /^(\/var)?\/run\/efs\/stunnel-config\./;
  return findProcesses(({ argv }) => argv.some((argument) => config.test(argument))).length > 0;
}

/** Removes a directory where nothing is in it. */
function removeEmpty(directory: string, say: (line: string) => void): void {
  if (!existsSync(directory)) return;
  const entries = readdirSync(directory);
  if (entries.length === 0) removing(directory, () => rmdirSync(directory));
  else say(`kept ${directory}, which holds ${entries.join(" and ")}`);
}

function removing(path: string, remove: () => void): void {
  try {
    remove();
  } catch (cause) {
    throw new EfsError("system", `cannot remove ${path}: ${reason(cause)}`, {
      hint: "check that the file system is writable, then uninstall again",
      cause,
    });
  }
}
