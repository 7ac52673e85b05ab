import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { MOUNT_POINT } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";

export default scenario(async (guest) => {
  const { product } = guest;
  const { directory } = guest.endpoint.first.server;
  await product.startWatchdog();
  await product.mount(guest.endpoint.first);

  // Data: written, read back by another open, overwritten in the middle, appended, cut.
  await guest.shell(
    `head -c 8388608 /dev/urandom > /run/data && cp /run/data ${MOUNT_POINT}/data && sync -f ${MOUNT_POINT}/data`,
  );
  guest.onEnd(() => rmSync("/run/data", { force: true }));
  const sum = await guest.sha256("/run/data");
  await guest.shell("echo 3 > /proc/sys/vm/drop_caches");
  assert.equal(await guest.sha256(`${MOUNT_POINT}/data`), sum);
  assert.equal(await guest.sha256(`${directory}/data`), sum);
  const edit =
    'printf MIDDLE | dd of="$1" bs=1 seek=4194304 conv=notrunc status=none; printf END >> "$1"; truncate -s 4194310 "$1"';
  await guest.shell(edit, [`${MOUNT_POINT}/data`]);
  assert.equal(await guest.shell('tail -c 6 "$1"', [`${directory}/data`]), "MIDDLE");

  // Names: directories, renames over a file and into a directory, links, modes, times, removal.
  await guest.shell(
    `set -e; cd ${MOUNT_POINT}; mkdir -p "a b/c"; echo one > one; echo two > two; mv one two; mv two "a b/c/three"
     ln -s "a b/c/three" link; ln "a b/c/three" hard; chmod 640 hard; touch -d '2020-02-02 02:02:02 UTC' hard
     chown 1234:5678 hard`,
  );
  assert.equal(await guest.read(`${MOUNT_POINT}/link`), "one\n");
  assert.equal(
    await guest.shell('stat -c "%a %u %g %h %Y" hard', [], { cwd: directory }),
    "640 1234 5678 2 1580608922\n",
  );
  await guest.shell(`cd ${MOUNT_POINT} && rm -r "a b" link && ls`);
  assert.equal(await guest.shell(`ls ${directory}`), "data\nhard\n");

  // Locks: one holder at a time, and it is the server that knows it.
  const holder = guest.service("flock", [`${MOUNT_POINT}/hard`, "sleep", "30"]);
  const inode = (await guest.shell('stat -c %i "$1"', [`${directory}/hard`])).trim();
  await guest.eventually("the server has the lock", async () =>
    (await guest.read("/proc/locks"))
      .split("\n")
      .some((line) => line.includes("POSIX") && line.includes(`:${inode} `)),
  );
  assert.equal((await guest.run("flock", ["-n", `${MOUNT_POINT}/hard`, "true"])).status, 1);
  process.kill(-holder.pid, "SIGTERM");
  await guest.ok("flock", ["-w", "5", `${MOUNT_POINT}/hard`, "true"]);

  await guest.umount(MOUNT_POINT);
  await product.gone();
});
