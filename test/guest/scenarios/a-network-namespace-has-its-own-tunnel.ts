import assert from "node:assert/strict";
import { anotherFront } from "../endpoint/further-servers.ts";
import { run } from "../runner/command.ts";
import { leadsTo, mount, unmount } from "../runner/mounting.ts";
import { bareNode, MOUNT_POINT } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";

const [NAMESPACE, LINK, HERE, THERE] = ["tenant", "tenant1", "10.98.0.1", "10.98.0.2"];

export default scenario(async (guest) => {
  const { product, endpoint } = guest;
  const { first } = endpoint;
  await product.startWatchdog();
  await guest.ok("ip", ["netns", "add", NAMESPACE]);
  const remove = () => run("ip", ["netns", "del", NAMESPACE]);
  guest.onEnd(remove);
  const pair = ["type", "veth", "peer", "name", "eth0", "netns", NAMESPACE];
  await guest.ok("ip", ["link", "add", LINK, ...pair]);
  await guest.ok("ip", ["addr", "add", `${HERE}/24`, "dev", LINK]);
  await guest.ok("ip", ["link", "set", LINK, "up"]);
  for (const words of [
    ["addr", "add", `${THERE}/24`, "dev", "eth0"],
    ["link", "set", "eth0", "up"],
    ["link", "set", "lo", "up"],
  ])
    await guest.ok("ip", ["-n", NAMESPACE, ...words]);
  await anotherFront(guest, first, HERE);
  endpoint.resolve({ [first.name]: HERE });

  // The responder of the certificates is not reachable from in there.
  await mount(guest, `${first.id}:/`, `tls,noocsp,netns=/run/netns/${NAMESPACE}`);
  const port = Number(guest.mountAt(MOUNT_POINT).options.get("port"));
  assert.deepEqual(product.ports(), [], "nothing listens outside");
  const inside = await guest.ok("ip", ["netns", "exec", NAMESPACE, "cat", "/proc/net/tcp"]);
  assert.ok(inside.includes(`0100007F:${port.toString(16).toUpperCase()}`), inside);
  await leadsTo(guest, first.server.directory);

  // Its port never stops to listen in there: the kernel would wait three seconds before it tried again.
  const yardstick = await bareNode();
  const { pid } = product.stunnelOf(MOUNT_POINT);
  process.kill(pid, "SIGKILL");
  const begin = performance.now();
  await leadsTo(guest, first.server.directory);
  const seconds = (performance.now() - begin) / 1000;
  guest.figure(`written ${seconds.toFixed(2)} s after the kill (node -e 0: ${yardstick.toFixed(2)} s)`);
  assert.ok(seconds < 2.4 + 2 * yardstick, `${seconds} s`);
  assert.notEqual(product.stunnelOf(MOUNT_POINT).pid, pid);
  await unmount(guest);
  await remove();
});
