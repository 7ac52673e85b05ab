import assert from "node:assert/strict";
import type { Guest } from "../runner/guest.ts";
import { bareNode, MOUNT_POINT } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";

/** The real stunnel, but of a build that cannot inherit its socket. */
const WITHOUT_INHERITANCE = `#!/bin/bash
case "$1" in
  -help | -version | -sockets | -options)
    /usr/bin/stunnel4 "$@" 2>&1 | sed 's/,SYSTEMD//' >&2
    exit 0 ;;
esac
exec -a "$0" /usr/bin/stunnel4 "$@"
`;

const SIGNALS = ["SIGTERM", "SIGKILL"] as const;
type Gaps = Record<(typeof SIGNALS)[number], number>;

/** Kills the tunnel of a fresh mount under a writer, and answers the longest time that it had to wait, in ms. */
async function killUnderWriter(guest: Guest, signal: NodeJS.Signals): Promise<number> {
  const { product } = guest;
  const { first } = guest.endpoint;
  await product.mount(first);
  const file = `records-${signal}-${guest.figures.length}`;
  const writer = guest.writer(`${MOUNT_POINT}/${file}`);
  await guest.eventually("the writer writes", async () => (await writer.mark()).total > 50);
  const { pid } = product.stunnelOf(MOUNT_POINT);
  await writer.mark();
  process.kill(pid, signal);
  await guest.eventually(`another stunnel after ${signal}`, () => anotherStunnel(guest, pid), 20_000);
  let longestGapMs = 0;
  let records = 0;
  await guest.eventually("the writer goes on", async () => {
    const report = await writer.mark();
    longestGapMs = Math.max(longestGapMs, report.longestGapMs);
    records += report.records;
    return records > 50;
  });
  const { total, sha256 } = await writer.finish();
  assert.equal(await guest.sha256(`${first.server.directory}/${file}`), sha256, "the server's copy");
  assert.equal(await guest.sha256(`${MOUNT_POINT}/${file}`), sha256, "the client's copy");
  guest.log(`${signal} to ${pid}: ${total} records, longest gap ${longestGapMs.toFixed(0)} ms`);
  await guest.umount(MOUNT_POINT);
  await product.gone();
  return longestGapMs;
}

async function killByEach(guest: Guest, what: string): Promise<Gaps> {
  const gaps: Gaps = { SIGTERM: 0, SIGKILL: 0 };
  for (const signal of SIGNALS) gaps[signal] = await killUnderWriter(guest, signal);
  const list = SIGNALS.map((signal) => `${signal} ${gaps[signal].toFixed(0)} ms`);
  guest.figure(`longest wait of a writer whose tunnel is killed, ${what}: ${list.join(", ")}`);
  return gaps;
}

function anotherStunnel(guest: Guest, than: number): boolean {
  try {
    return guest.product.stunnelOf(MOUNT_POINT).pid !== than;
  } catch {
    return false;
  }
}

export default scenario(
  async (guest) => {
    await guest.product.startWatchdog();
    const inherited = await killByEach(guest, "socket inherited");
    guest.replaceProgram("/sbin/stunnel", WITHOUT_INHERITANCE);
    const rebound = await killByEach(guest, "with a stunnel that cannot inherit it");
    guest.figure(`yardstick, node -e 0 in this guest: ${((await bareNode()) * 1000).toFixed(0)} ms`);
    // The kernel waits three seconds where nobody listens, which is more than stunnel's start takes.
    for (const signal of SIGNALS)
      assert.ok(
        inherited[signal] < rebound[signal],
        `${signal}: ${inherited[signal]}, ${rebound[signal]} ms`,
      );
  },
  { limitMs: 120_000 },
);
