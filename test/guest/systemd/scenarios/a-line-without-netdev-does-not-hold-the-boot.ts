import assert from "node:assert/strict";
import { MOUNT_POINT } from "../../runner/product.ts";
import { scenario } from "../../runner/scenario.ts";
import { EARLY } from "../machine.ts";
import { journal, timestamp } from "../systemd.ts";

export default scenario(async (guest) => {
  // That this runs at all is the main thing: systemd takes the line for one of a local file system.
  const [localFs, over] = [
    await timestamp(guest, "local-fs.target", "ActiveEnter"),
    await timestamp(guest, "multi-user.target", "ActiveEnter"),
  ];
  guest.figure(`local-fs.target after ${localFs.toFixed(1)} s, the boot was over after ${over.toFixed(1)} s`);
  assert.ok(localFs > 0 && over > 0);
  assert.equal(guest.mountAt(MOUNT_POINT).path, MOUNT_POINT, "the line that has it is mounted");

  // It says why it was too early, and what to write.
  const said = `${guest.product.log}${await journal(guest, "mnt-early.mount")}`;
  guest.figure(said.split("\n").filter((line) => line.includes("_netdev"))[0] ?? "");
  assert.match(said, /_netdev/);
  await guest.ok("mount", [EARLY], { timeoutMs: 60_000 });
  assert.equal(await guest.read(`${EARLY}/name`), "fs-87654321/d02");
  await guest.umount(EARLY);
});
