import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { profileText, SECRET_MARK, TOKEN_MARK, userKeys } from "../../fakes/keys.ts";
import { identityFront } from "../endpoint/identity-front.ts";
import { sleepFor } from "../runner/clock.ts";
import type { Guest } from "../runner/guest.ts";
import { awsFiles, stateOf } from "../runner/identity.ts";
import { leadsTo, mount, tryMount, unmount } from "../runner/mounting.ts";
import { CONFIGURATION, LOGS, STATE } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";

type Trace = [where: string, text: string];

/** Every file of the product. */
function files(): Trace[] {
  return [CONFIGURATION, LOGS, STATE, "/run/amazon-efs-mount-helper", "/run/watchdog.out"]
    .filter((path) => existsSync(path))
    .flatMap((path) => (path.endsWith(".out") ? [path] : below(path)))
    .map((path) => [path, readFileSync(path, "latin1")]);
}

function below(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true, encoding: "utf8" })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** What the product's processes show of themselves: the watchdog and what it and the helpers have left running. */
function processes(guest: Guest, watchdog: number): Trace[] {
  const own = [
    ...guest.product.tunnelProcesses(),
    ...guest.processes(({ pid, parent }) => pid === watchdog || parent === watchdog),
  ];
  return own.flatMap(({ pid }) =>
    ["cmdline", "environ"].flatMap((file): Trace[] => {
      try {
        return [[`/proc/${pid}/${file}`, readFileSync(`/proc/${pid}/${file}`, "latin1")]];
      } catch {
        return []; // It has ended meanwhile.
      }
    }),
  );
}

export default scenario(async (guest) => {
  const { product, endpoint } = guest;
  const { first } = endpoint;
  product.configure({ logging_level: "DEBUG", stunnel_debug_enabled: "true" });
  const watchdog = await product.startWatchdog();
  const front = await identityFront(guest);
  front.giveRole();
  const team = userKeys("team");
  front.keys.push(team);
  awsFiles(guest, {
    credentials: profileText("team", team) + profileText("revoked", userKeys("revoked")),
    config: `[profile program]\ncredential_process = sh -c "echo ${SECRET_MARK}; echo ${SECRET_MARK} >&2; exit 1"\n`,
  });
  // What others use the same names for is not the product's to pass on.
  const environment = { AWS_SECRET_ACCESS_KEY: `${SECRET_MARK}/env`, AWS_SESSION_TOKEN: `${TOKEN_MARK}/env` };

  const traces: Trace[] = [];
  for (const options of ["tls,iam,awsprofile=revoked,verbose", "tls,iam,awsprofile=program"]) {
    const { stdout, stderr, status } = await tryMount(guest, `${first.id}:/`, options, {
      environment,
      flags: ["-v"],
    });
    assert.notEqual(status, 0);
    traces.push(["output", stdout + stderr]);
  }
  for (const options of ["tls,iam,awsprofile=team", "tls,iam"]) {
    const { stdout, stderr } = await mount(guest, `${first.id}:/`, options, { environment, flags: ["-v"] });
    await leadsTo(guest, first.server.directory);
    traces.push(["output", stdout + stderr], ...files(), ...processes(guest, watchdog.pid));
    if (options === "tls,iam") break;
    await unmount(guest);
  }
  // Renewed, then refused renewal.
  const { certificateCreationTime } = stateOf(guest);
  await sleepFor(guest, 65);
  await guest.eventually(
    "it is renewed",
    () => stateOf(guest).certificateCreationTime !== certificateCreationTime,
    20_000,
  );
  traces.push(...files(), ...processes(guest, watchdog.pid));
  await unmount(guest);
  traces.push(...files());

  for (const [where, text] of traces)
    for (const mark of [SECRET_MARK, TOKEN_MARK]) assert.ok(!text.includes(mark), `${where} holds ${mark}`);
  const seen = traces.map(([where]) => where).join("\n");
  for (const part of [
    "mount.log",
    "mount-watchdog.log",
    ".stunnel.log",
    "certificate.pem",
    "stunnel-config.",
    "environ",
  ])
    assert.ok(seen.includes(part), `${part} was not looked at`);
  assert.ok(traces.some(([where, text]) => where.endsWith("cmdline") && text.includes("stunnel-config.")));
  guest.figure(`${traces.length} files, outputs and processes were looked at`);
});
