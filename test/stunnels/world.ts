/** The servers of all cases, and what each machine is given: once for all of them. */
import { mkdirSync, mkdtempSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import { run } from "../fakes/namespaces.ts";
import type { Test } from "../support/authority.ts";
import { buildInto } from "../support/built.ts";
import { CASES } from "./cases.ts";
import type { Given } from "./machine.ts";
import { DOMAIN, Pki } from "./pki.ts";
import { startResponders } from "./responders.ts";
import { startServer } from "./servers.ts";

/** Those of the product's that have a mount table of their own: this kernel mounts no NFS. */
const OWN_PROGRAMS = [
  ["own-watchdog", "../support/own-watchdog.ts"],
  ["own-status", "own-status.ts"],
] as const;

const number = (index: number) => String(index + 1);
export const fileSystem = (index: number) => `fs-${number(index).padStart(8, "0")}`;
const address = (index: number) => `127.0.1.${number(index)}`;

/** The servers of all cases, and what each machine is given. */
export async function world(group: Test): Promise<Given> {
  run("mount", "--make-rprivate", "/");
  run("mount", "-t", "tmpfs", "tmpfs", "/media");
  const folder = mkdtempSync("/media/world-");
  const programs = join(folder, "programs");
  mkdirSync(programs);
  buildInto(programs);
  for (const [name, source] of OWN_PROGRAMS) {
    const entryPoints = [fileURLToPath(new URL(source, import.meta.url))];
    buildSync({
      entryPoints,
      outfile: join(programs, `${name}.cjs`),
      bundle: true,
      platform: "node",
      format: "cjs",
    });
  }
  const pki = new Pki(join(folder, "pki"));
  await startResponders(group, pki);
  for (const [index, { server = "answers", certificate = "no-AIA" }] of CASES.entries())
    await startServer(server, {
      test: group,
      address: address(index),
      identity: pki.server(certificate),
      pki,
    });
  const hosts = new Map(CASES.map((_, index) => [`${fileSystem(index)}.${DOMAIN}`, address(index)]));
  return { programs, authority: pki.file("authority.pem"), hosts, privateKey: pki.file("other.key") };
}
