import assert from "node:assert/strict";
import { MOUNT_POINT } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";

export default scenario(async (guest) => {
  await guest.product.startWatchdog();
  await guest.product.mount(guest.endpoint.first);

  const lines = (await guest.ok("mount")).split("\n").filter((line) => line.includes(MOUNT_POINT));
  assert.equal(lines.length, 1);
  guest.figure(lines[0] ?? "");
  assert.match(lines[0] ?? "", /^127\.0\.0\.1:\/ on \/mnt\/efs type nfs4 \(rw,.*,port=20[0-4]\d\d,/);

  const { options } = guest.mountAt(MOUNT_POINT);
  const wanted = {
    vers: "4.1",
    rsize: "1048576",
    wsize: "1048576",
    timeo: "600",
    retrans: "2",
    addr: "127.0.0.1",
  };
  for (const [name, value] of Object.entries(wanted)) assert.equal(options.get(name), value, name);
  for (const name of ["hard", "noresvport"]) assert.ok(options.has(name), name);
  const port = Number(options.get("port"));
  assert.ok(port >= 20049 && port <= 20449, `port ${port}`);

  await guest.umount(MOUNT_POINT);
  await guest.product.gone();
});
