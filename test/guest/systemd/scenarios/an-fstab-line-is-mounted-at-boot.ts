import assert from "node:assert/strict";
import { MOUNT_POINT } from "../../runner/product.ts";
import { scenario } from "../../runner/scenario.ts";
import { MOUNT_UNIT, show, timestamp } from "../systemd.ts";

export default scenario(async (guest) => {
  const { product } = guest;
  const { server } = guest.endpoint.first;
  const { Result, ActiveState } = await show(guest, MOUNT_UNIT, "Result", "ActiveState");
  assert.deepEqual({ Result, ActiveState }, { Result: "success", ActiveState: "active" });
  const begun = await timestamp(guest, MOUNT_UNIT, "InactiveExit");
  const mounted = await timestamp(guest, MOUNT_UNIT, "ActiveEnter");
  const remoteFs = await timestamp(guest, "remote-fs.target", "ActiveEnter");
  guest.figure(
    `${MOUNT_UNIT} began after ${begun.toFixed(1)} s and was active after ${mounted.toFixed(1)} s, ` +
      `remote-fs.target after ${remoteFs.toFixed(1)} s`,
  );
  assert.ok(mounted <= remoteFs, "remote-fs.target waits for it");

  assert.match(guest.mountAt(MOUNT_POINT).line, /^127\.0\.0\.1:\/ \/mnt\/efs nfs4 /);
  await guest.write(`${MOUNT_POINT}/hello`, "at boot");
  assert.equal(await guest.read(`${server.directory}/hello`), "at boot");
  assert.match(
    product.log,
    /Successfully mounted fs-12345678\.efs\.us-east-1\.amazonaws\.com at \/mnt\/efs$/m,
  );
});
