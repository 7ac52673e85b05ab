import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { MOUNT_POINT } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";

const CASES = [
  { args: "-o tls -o ro -o noatime,, -n -s", shown: ["ro", "noatime"] },
  { args: "-r -o noatime", shown: ["ro", "noatime"] },
  { args: "-o ro,nodiratime -w", shown: ["rw", "nodiratime"] },
];

export default scenario(async (guest) => {
  const { product, endpoint } = guest;
  const { id, name, server, front } = endpoint.first;
  await product.startWatchdog();
  mkdirSync(MOUNT_POINT, { recursive: true });
  for (const { args, shown } of CASES) {
    endpoint.resolve({ [name]: args.includes("tls") ? front.address : server.address });
    await guest.ok("/sbin/mount.efs", [`${id}:/`, MOUNT_POINT, ...args.split(" ")]);
    const { options, line } = guest.mountAt(MOUNT_POINT);
    guest.figure(`${args}: ${[...options.keys()].slice(0, 3).join(",")}`);
    for (const option of shown) assert.ok(options.has(option), `${args} → ${line}`);
    const touched = await guest.run("touch", [`${MOUNT_POINT}/touched`]);
    assert.equal(touched.status === 0, shown.includes("rw"), args);
    await guest.umount(MOUNT_POINT);
  }
  await product.gone();
});
