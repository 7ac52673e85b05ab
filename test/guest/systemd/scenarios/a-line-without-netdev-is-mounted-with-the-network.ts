import assert from "node:assert/strict";
import { scenario } from "../../runner/scenario.ts";
import { EARLY } from "../machine.ts";
import { forgetLine, show, timestamp } from "../systemd.ts";

const UNIT = "mnt-early.mount";

export default scenario(async (guest) => {
  guest.onEnd(() => forgetLine(EARLY));
  // systemd takes the type for one of local disks, and local-fs.target fails where one of those is not mounted.
  const [localFs, network, begun] = [
    await timestamp(guest, "local-fs.target", "ActiveEnter"),
    await timestamp(guest, "network.target", "ActiveEnter"),
    await timestamp(guest, UNIT, "InactiveExit"),
  ];
  guest.figure(
    `local-fs.target after ${localFs.toFixed(1)} s, the network after ${network.toFixed(1)} s, ` +
      `the mount began after ${begun.toFixed(1)} s`,
  );
  assert.ok(localFs > 0 && localFs <= network && network <= begun);
  const { ActiveState, SourcePath, NeedDaemonReload } = await show(
    guest,
    UNIT,
    "ActiveState",
    "SourcePath",
    "NeedDaemonReload",
  );
  assert.deepEqual(
    { ActiveState, SourcePath, NeedDaemonReload },
    { ActiveState: "active", SourcePath: "/etc/fstab", NeedDaemonReload: "no" },
  );
  assert.equal(await guest.read(`${EARLY}/name`), "fs-87654321/d02");
  const { RequiredBy } = await show(guest, UNIT, "RequiredBy");
  assert.equal(RequiredBy, "remote-fs.target");

  // By hand and too early, it says what to write, and fails nothing.
  await guest.ok("systemctl", ["stop", UNIT, "network.target"], { timeoutMs: 60_000 });
  const { status, stderr } = await guest.run("mount", [EARLY], { timeoutMs: 60_000 });
  await guest.ok("systemctl", ["restart", "guest-network.service"], { timeoutMs: 60_000 });
  guest.figure(stderr.trim());
  assert.equal(status, 0);
  assert.match(stderr, /network is not up.*_netdev/);
  assert.equal(
    guest.nfsMounts().some(({ path }) => path === EARLY),
    false,
  );
});
