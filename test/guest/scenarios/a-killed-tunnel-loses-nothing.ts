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

/** Kills the tunnel under a writer, and answers its longest gap after each kill, in milliseconds. */
async function killUnderWriter(guest: Guest, rounds: number): Promise<number[]> {
  const { product } = guest;
  const { first } = guest.endpoint;
  await product.mount(first);
  const writer = guest.writer(`${MOUNT_POINT}/records`);
  await guest.eventually("the writer writes", async () => (await writer.mark()).total > 50);
  const gaps: number[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const signal of SIGNALS) {
      const { pid } = product.stunnelOf(MOUNT_POINT);
      await writer.mark();
      process.kill(pid, signal);
      await guest.eventually(`another stunnel after ${signal}`, () => anotherStunnel(guest, pid), 20_000);
      await new Promise((resolve) => setTimeout(resolve, 500));
      const { records, longestGapMs } = await writer.mark();
      guest.log(`${signal} to ${pid}: ${records} records, longest gap ${longestGapMs.toFixed(0)} ms`);
      gaps.push(longestGapMs);
    }
  }
  const { total, bytes, sha256 } = await writer.finish();
  guest.log(`${total} records, ${bytes} bytes`);
  assert.equal(await guest.sha256(`${first.server.directory}/records`), sha256, "the server's copy");
  assert.equal(await guest.sha256(`${MOUNT_POINT}/records`), sha256, "the client's copy");
  await guest.umount(MOUNT_POINT);
  await product.gone();
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
    guest.product.startWatchdog();
    const inherited = await killUnderWriter(guest, 2);
    guest.replaceProgram("/sbin/stunnel", WITHOUT_INHERITANCE);
    const rebound = await killUnderWriter(guest, 1);
    const node = (await bareNode()) * 1000;
    guest.figure(`longest gap of a writer whose tunnel is killed, socket inherited: ${list(inherited)}`);
    guest.figure(`the same with a stunnel that cannot inherit it:                   ${list(rebound)}`);
    guest.figure(`yardstick, node -e 0 in this guest: ${node.toFixed(0)} ms`);
    const [longest, yardstick] = [Math.max(...inherited), Math.max(...rebound)];
    assert.ok(
      longest < yardstick / 3,
      `${longest.toFixed(0)} ms is not under a third of ${yardstick.toFixed(0)} ms`,
    );
  },
  { limitMs: 120_000 },
);

function list(gaps: number[]): string {
  return gaps.map((gap, at) => `${SIGNALS[at % 2]} ${gap.toFixed(0)} ms`).join(", ");
}
