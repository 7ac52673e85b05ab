// A watchdog in a process of its own: DIRECTORY KEEPER MOUNTS. The mount table is what the file MOUNTS says, a list of
// mount points with their ports; the log goes to standard output. On SIGHUP it looks at everything.

import { readFileSync } from "node:fs";
import { startWatchdog } from "../../src/app/watchdog/watchdog.ts";
import { emptyConfig } from "../../src/core/config/config.ts";
import { policyOf } from "../../src/core/watchdog/policy.ts";
import type { Kernel } from "../../src/system/kernel.ts";
import { watchPath } from "../../src/system/watch.ts";
import { mountEntry } from "./mount-entry.ts";

const [directory = "", keeper = "", mountsFile = ""] = process.argv.slice(2);

function table(): [mountPoint: string, port: number][] {
  return JSON.parse(readFileSync(mountsFile, "utf8"));
}

const kernel: Kernel = {
  mounts: () => table().map(([mountPoint, port]) => mountEntry(mountPoint, port)),
  nfsClientPorts: () => new Set(table().map(([, port]) => port)),
  connectedPorts: () => new Set(),
  watchMounts: (changed) => watchPath(mountsFile, changed) ?? (() => {}),
};
const write = (level: string) => (message: string) => void process.stdout.write(`${level} ${message}\n`);
const log = {
  debug: write("DEBUG"),
  info: write("INFO"),
  warning: write("WARNING"),
  error: write("ERROR"),
  critical: write("CRITICAL"),
};
const paths = { stateDirectory: directory, keeper, socketMaker: "/none" };
const policy = policyOf(emptyConfig("none"));
/** A look is begun after this many milliseconds at the latest. */
const BEGUN_MS = 15;

startWatchdog({ paths, kernel, log, hostName: "test-host", version: "1.2.3" }, policy).then((watchdog) => {
  process.on("SIGTERM", () => process.exit());
  process.on("SIGHUP", () => {
    const began = performance.now();
    watchdog.reload(policy);
    // it is one piece, so that this comes before it or after it
    setTimeout(() => {
      log.debug(`everything was looked at in ${(performance.now() - began).toFixed(1)} ms`);
    }, BEGUN_MS);
  });
});
