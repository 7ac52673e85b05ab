import assert from "node:assert/strict";
import { appendFileSync, rmSync, writeFileSync } from "node:fs";
import { anotherFront, ownAddress } from "../endpoint/further-servers.ts";
import { must } from "../runner/command.ts";
import type { Guest } from "../runner/guest.ts";
import { leadsTo, mount, stunnelConfiguration, unmount } from "../runner/mounting.ts";
import { bareNode } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";

const IPV6 = "fd00::8";
/** No route leads there, as nowhere from a machine with IPv6 alone: the resolver knows it. */
const NO_ROUTE = "203.0.113.1";
/** What is sent there is lost. */
const LOST = "198.51.100.1";

/** The resolver's answers, IPv4 before IPv6. */
function ipv4First(guest: Guest): void {
  writeFileSync("/etc/gai.conf", "precedence ::ffff:0:0/96 100\n");
  guest.onEnd(() => rmSync("/etc/gai.conf"));
}

async function loseWhatIsSentTo(guest: Guest, address: string, device: string): Promise<void> {
  await guest.ok("ip", ["route", "add", `${address}/32`, "dev", device]);
  guest.onEnd(() => must("ip", ["route", "del", `${address}/32`]));
  const nobody = ["lladdr", "02:00:00:00:00:99", "nud", "permanent"];
  await guest.ok("ip", ["neigh", "add", address, ...nobody, "dev", device]);
}

export default scenario(async (guest) => {
  const { product, endpoint } = guest;
  const { first } = endpoint;
  await product.startWatchdog();
  ipv4First(guest);
  await ownAddress(guest, IPV6);
  await anotherFront(guest, first, IPV6);
  await loseWhatIsSentTo(guest, LOST, "efs1");
  const yardstick = await bareNode();

  for (const [ipv4, limitS, connect] of [
    [NO_ROUTE, 3, first.name],
    [LOST, 5, IPV6],
  ] as const) {
    endpoint.resolve({ [first.name]: ipv4 });
    appendFileSync("/etc/hosts", `${IPV6} ${first.name}\n`);
    guest.log(await guest.ok("getent", ["ahosts", first.name]));
    const done = await mount(guest, `${first.id}:/`, "tls");
    guest.figure(`${ipv4} first: ${done.seconds.toFixed(2)} s (node -e 0: ${yardstick.toFixed(2)} s)`);
    await leadsTo(guest, first.server.directory);
    assert.ok(stunnelConfiguration(guest).includes(`\nconnect = ${connect}:2049\n`));
    assert.ok(done.seconds < limitS + 3 * yardstick, `${done.seconds} s`);
    await unmount(guest);
  }
});
