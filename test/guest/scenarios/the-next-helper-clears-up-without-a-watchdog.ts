import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { MOUNT_POINT } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";

/** Hangs, so that the helper can be killed while its tunnel runs and nothing is mounted yet. */
const HANGING_MOUNT = "#!/bin/sh\ntouch /run/mount-hangs\nexec sleep 600\n";

export default scenario(async (guest) => {
  const { product } = guest;
  const { first, second } = guest.endpoint;
  const restore = guest.replaceProgram("/sbin/mount.nfs4", HANGING_MOUNT);
  guest.onEnd(() => rmSync("/run/mount-hangs", { force: true }));
  mkdirSync(MOUNT_POINT, { recursive: true });
  const helper = spawn("/sbin/mount.efs", [`${first.id}:/`, MOUNT_POINT, "-o", "rw,tls"], {
    stdio: "ignore",
  });
  await guest.eventually("mount.nfs4 runs", () => existsSync("/run/mount-hangs"));
  helper.kill("SIGKILL");
  restore();
  const [left] = product.ports();
  guest.log(`left: ${product.traces().join(", ")}`);
  assert.ok(left !== undefined, "the killed helper left its tunnel");
  for (const each of guest.processes(({ argv }) => argv.join(" ") === "sleep 600")) process.kill(each.pid);

  await product.mount(second, ["tls"], "/mnt/other");
  const port = Number(guest.mountAt("/mnt/other").options.get("port"));
  assert.deepEqual(product.ports(), [port], "only the new tunnel is there");
  assert.equal(product.stunnels().length, 1);
  assert.equal(product.stateFiles().length, 3, product.stateFiles().join());

  await guest.umount("/mnt/other");
  await product.startWatchdog();
  await product.gone();
});
