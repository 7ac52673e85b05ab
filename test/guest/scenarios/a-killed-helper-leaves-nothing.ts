import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import type { Guest } from "../runner/guest.ts";
import { MOUNT_POINT, STATE } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";

const within = (name: string) =>
  readdirSync(STATE).some((entry) => entry.endsWith("+") && existsSync(join(STATE, entry, name)));
const state = (pattern: RegExp) => existsSync(STATE) && readdirSync(STATE).some((name) => pattern.test(name));

/** What can be seen from outside of a helper's progress, in about the order in which it appears. */
const STEPS: [string, (guest: Guest) => boolean][] = [
  ["its process is there", () => true],
  ["the state directory is there", () => existsSync(STATE)],
  ["the port is bound", (guest) => guest.product.ports().length > 0],
  ["the tunnel's directory is there", () => state(/\+$/)],
  ["the certificate is there", () => existsSync(STATE) && within("certificate.pem")],
  ["stunnel's configuration is there", () => state(/^stunnel-config/)],
  ["the preliminary state file is there", () => state(/^~/)],
  ["the tunnel's first process is there", (guest) => guest.product.tunnelProcesses().length > 0],
  ["stunnel listens", () => existsSync(STATE) && within("stunnel.pid")],
  ["mount.nfs4 runs", (guest) => guest.processes(({ name }) => name.startsWith("mount.nfs")).length > 0],
  ["the file system is mounted", (guest) => guest.nfsMounts().length > 0],
  ["the state file has its name", () => state(/^fs-[^+]*$/)],
];

const KILL_BEFORE_MOUNTING = "#!/bin/sh\nkill -9 $PPID\nexit 32\n";
const KILL_AFTER_MOUNTING = '#!/bin/sh\n/sbin/mount.nfs "$@"\nkill -9 $PPID\n';

export default scenario(
  async (guest) => {
    const { product } = guest;
    await product.startWatchdog();
    await product.mount(guest.endpoint.first); // From here on there is the key that all mounts share.
    await guest.umount(MOUNT_POINT);
    await product.gone();

    for (const [step, seen] of STEPS) {
      await killHelper(guest, step, () => seen(guest));
      await works(guest, step);
    }
    for (const [step, script] of [
      ["before mount.nfs4 mounts", KILL_BEFORE_MOUNTING],
      ["after mount.nfs4 has mounted", KILL_AFTER_MOUNTING],
    ] as const) {
      const restore = guest.replaceProgram("/sbin/mount.nfs4", script);
      await killHelper(guest, step, () => false);
      restore();
      await works(guest, step);
    }

    // And where nobody mounts again, the watchdog alone clears up.
    await killHelper(
      guest,
      "stunnel listens, and nobody mounts again",
      () => state(/^~/) && within("stunnel.pid"),
    );
    await product.gone(30_000);
  },
  { limitMs: 240_000 },
);

/** A moment that is soon over may be seen too late, when the helper has ended by itself. */
const TRIES = 10;

/** Starts a helper and kills it once the moment has come (or lets the helper's child do it). */
async function killHelper(guest: Guest, step: string, now: () => boolean): Promise<void> {
  const { product } = guest;
  mkdirSync(MOUNT_POINT, { recursive: true });
  for (let tries = 1; ; tries++) {
    const signal = await startAndKill(now);
    guest.log(`killed when ${step} (${signal}); left: ${product.traces().join(", ")}`);
    if (signal === "SIGKILL") return;
    assert.ok(tries < TRIES, `it ended by itself before, ${TRIES} times: ${step}`);
    await guest.umount(MOUNT_POINT);
    await product.gone(30_000);
  }
}

/** Answers the signal that has ended it; null where it has ended by itself. */
async function startAndKill(now: () => boolean): Promise<NodeJS.Signals | null> {
  const helper = spawn("/sbin/mount.efs", ["fs-12345678:/", MOUNT_POINT, "-o", "rw,tls"], {
    stdio: "ignore",
  });
  const ended = new Promise<NodeJS.Signals | null>((resolve) => helper.once("exit", (_, by) => resolve(by)));
  // No pause, and yet the metadata service, which is this process, has to have its turns.
  while (helper.exitCode === null && helper.signalCode === null && !now()) await turn();
  helper.kill("SIGKILL");
  return await ended;
}

/** The next mount works, and nothing of either is left after its end. */
async function works(guest: Guest, step: string): Promise<void> {
  const { product, endpoint } = guest;
  try {
    await product.mount(endpoint.first);
    assert.equal(guest.nfsMounts().length, 1);
    await guest.write(`${MOUNT_POINT}/hello`, step);
    assert.equal(await guest.read(`${endpoint.first.server.directory}/hello`), step);
    await guest.umount(MOUNT_POINT);
    await product.gone(30_000);
  } catch (error) {
    throw new Error(
      `after a helper was killed when ${step}: ${error instanceof Error ? error.message : error}`,
    );
  }
}
