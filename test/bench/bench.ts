// npm run bench: what a certificate, a mount, a watchdog and a recovery cost, each beside its yardstick from the same run.
// Needs root and stunnel. Everything happens in namespaces of its own, which end with it.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { run } from "../fakes/namespaces.ts";
import { measureAccess } from "./access.ts";
import { measureCertificate } from "./certificate.ts";
import { measureFallback } from "./fallback.ts";
import { measureMount } from "./mount.ts";
import { measureRecovery } from "./recovery.ts";
import { measureStunnels, prepareStunnels } from "./stunnels.ts";
import { type Row, table } from "./table.ts";
import { measureWatchdog } from "./watchdog.ts";

const INSIDE = "--inside";
const PLACE = "/media";

if (process.argv[2] === INSIDE) {
  // whatever is put there ends with these namespaces
  run("mount", "-t", "tmpfs", "tmpfs", PLACE);
  process.env.TMPDIR = PLACE;
  const rows: Row[] = [];
  const measures = [
    measureCertificate,
    measureMount,
    measureAccess,
    measureFallback,
    measureWatchdog,
    measureRecovery,
    measureStunnels,
  ];
  for (const measure of measures) rows.push(...(await measure()));
  process.stdout.write(table(rows));
  process.exit(0);
}
await prepareStunnels();
const namespaces = ["--mount", "--net", "--pid", "--fork", "--mount-proc", "--kill-child"];
const again = [process.execPath, ...process.execArgv, fileURLToPath(import.meta.url), INSIDE];
const { status } = spawnSync("/usr/bin/unshare", [...namespaces, ...again], { stdio: "inherit" });
process.exitCode = status ?? 1;
