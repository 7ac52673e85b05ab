/** Runs in the guest: what a user of the guide does, with the time that each step took. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Endpoint } from "../endpoint/endpoint.ts";
import { describe, run } from "../runner/command.ts";
import { Guest } from "../runner/guest.ts";
import { install, MOUNT_POINT, trust } from "../runner/product.ts";

const WIDTH = 96;
const sudo = existsSync("/usr/bin/sudo") ? "sudo " : "";

const endpoint = new Endpoint();
const guest = new Guest(endpoint);
const { product } = guest;

function show(text: string, seconds?: number): void {
  const time = seconds === undefined ? "" : `${seconds.toFixed(2).padStart(8)} s`;
  console.log(time === "" ? text : `${text.padEnd(WIDTH)}${time}`);
}

function output(text: string): void {
  for (const line of text.split("\n")) if (line !== "") show(`    ${line}`);
}

/** Runs a line of shell as a user types it, and shows it with its output. */
async function type(line: string): Promise<string> {
  const done = await run("/bin/sh", ["-c", line], { timeoutMs: 60_000, env: { ...process.env, LANG: "C" } });
  show(`$ ${line}`, done.seconds);
  output(`${done.stdout}${done.stderr}`);
  assert.equal(done.status, 0, describe(done));
  return done.stdout;
}

async function timed<T>(what: string, action: () => Promise<T>): Promise<T> {
  const begin = performance.now();
  const result = await action();
  show(what, (performance.now() - begin) / 1000);
  return result;
}

async function demo(): Promise<void> {
  await timed(
    "# an EFS file system: NFS 4.1 server, TLS with a certificate, OCSP responder, metadata service",
    () => endpoint.start(process.env.NFS_SERVER ?? ""),
  );
  await timed("# efs-utils install, and the watchdog", async () => {
    await install(process.env.REPOSITORY ?? "");
    trust(endpoint.pki.authority);
    await product.startWatchdog();
  });
  mkdirSync(MOUNT_POINT, { recursive: true });
  const { first } = endpoint;

  show("\n1. Mount, as the guide tells");
  await type(`${sudo}mount -t efs -o tls fs-12345678:/ /mnt/efs`);

  show("\n2. A file is written and read");
  const text = "hello from an application";
  assert.equal((await type(`echo '${text}' > /mnt/efs/hello; cat /mnt/efs/hello`)).trim(), text);
  assert.equal((await guest.read(`${first.server.directory}/hello`)).trim(), text);
  show(`# the server has the same, and saw ${[...new Set(first.front.tlsVersions)].join()}`);
  assert.deepEqual([...new Set(first.front.tlsVersions)], ["TLSv1.2"]);

  show("\n3. The mount table");
  assert.match(
    await type("mount | grep /mnt/efs"),
    /^127\.0\.0\.1:\/ on \/mnt\/efs type nfs4 \(.*port=20\d{3}/,
  );

  show("\n4. The log");
  const log = await type('grep -E "Successfully mounted.*/mnt/efs" /var/log/amazon/efs/mount.log | tail -1');
  assert.match(log, /fs-12345678\.efs\.us-east-1\.amazonaws\.com at \/mnt\/efs/);

  show("\n5. The tunnel is killed while a file is written");
  await killTheTunnel();

  show("\n6. Unmount");
  await type(`${sudo}umount /mnt/efs`);
  await timed("# the tunnel, its port and its files are gone", () => product.gone(30_000));
}

async function killTheTunnel(): Promise<void> {
  const { first } = endpoint;
  const writer = guest.writer(`${MOUNT_POINT}/records`);
  await guest.eventually("the writer writes", async () => (await writer.mark()).total > 50);
  const { pid } = product.stunnelOf(MOUNT_POINT);
  await writer.mark();
  const killed = performance.now();
  await type(`${sudo}kill -9 ${pid}   # stunnel`);
  const next = await guest.eventually("another stunnel", () => anotherThan(pid), 20_000);
  show(`# stunnel is back, as process ${next}`, (performance.now() - killed) / 1000);
  await sleep(1_000);
  const { records, longestGapMs } = await writer.mark();
  assert.ok(records > 0, "the writer goes on");
  const { total, sha256 } = await writer.finish();
  assert.equal(await guest.sha256(`${first.server.directory}/records`), sha256, "the server's copy");
  show("# the writer's longest pause", longestGapMs / 1000);
  show(`# nothing is lost: ${total} synced records, the server's copy has the same SHA-256`);
}

function anotherThan(pid: number): number | undefined {
  try {
    const next = product.stunnelOf(MOUNT_POINT).pid;
    return next === pid ? undefined : next;
  } catch {
    return undefined; // Not yet.
  }
}

try {
  await demo();
  await guest.end();
  process.exit(0);
} catch (error) {
  console.log(error instanceof Error ? error.stack : error);
  console.log(guest.logText);
  process.exit(1);
}
