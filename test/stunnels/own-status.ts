// `efs-utils status --json` with a mount table that the file MOUNTS holds: MOUNTS STATE-DIRECTORY LOG-DIRECTORY.

import { readFileSync } from "node:fs";
import { lookAtMounts } from "../../src/app/status/look.ts";
import { mountEntry } from "../support/mount-entry.ts";

const [mountsFile = "", stateDirectory = "", logDirectory = ""] = process.argv.slice(2);
const table: [mountPoint: string, port: number][] = JSON.parse(readFileSync(mountsFile, "utf8"));
const kernel = {
  mounts: () => table.map(([mountPoint, port]) => mountEntry(mountPoint, port)),
  nfsClientPorts: () => new Set(table.map(([, port]) => port)),
  connectedPorts: () => new Set<number>(),
  watchMounts: () => () => {},
};
const paths = { stateDirectory, logDirectory };
lookAtMounts({ paths, kernel, answerLimitMs: 30_000 }).then((status) => {
  process.stdout.write(JSON.stringify(status));
});
