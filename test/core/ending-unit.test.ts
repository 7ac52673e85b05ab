import assert from "node:assert/strict";
import { test } from "node:test";
import { endingUnit } from "../../src/core/ending-unit.ts";

const CASES: [group: string, unit: string | undefined][] = [
  ["/system.slice/mnt-efs.mount", "mnt-efs.mount"],
  ["/system.slice/backup.service", "backup.service"],
  ["/user.slice/user-1000.slice/session-3.scope", "session-3.scope"],
  ["/system.slice/run-u12.scope", "run-u12.scope"],
  [
    "/system.slice/run-r0123456789abcdef0123456789abcdef.scope",
    "run-r0123456789abcdef0123456789abcdef.scope",
  ],
  ["/user.slice/user-1000.slice/user@1000.service/app.slice/vte-spawn-1.scope", "vte-spawn-1.scope"],
  ["/user.slice/user-1000.slice/user@1000.service/init.scope", "init.scope"],
  ["/init.scope", undefined],
  ["/", undefined],
  ["/system.slice", undefined],
  ["/system.slice/docker-0123.scope", undefined],
  ["/kubepods.slice/kubepods-pod1.slice/cri-containerd-0123.scope", undefined],
];
for (const [group, unit] of CASES) {
  test(`what systemd ends in ${group}: ${unit ?? "nothing"}`, () => {
    assert.equal(endingUnit(`0::${group}\n`), unit);
    assert.equal(endingUnit(`12:memory:/\n1:name=systemd:${group}\n0::/\n`), unit);
  });
}
