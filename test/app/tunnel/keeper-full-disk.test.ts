import assert from "node:assert/strict";
import { appendFileSync, closeSync, openSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { stunnelOf } from "../../../src/app/tunnel/start.ts";
import type { ResolvedTarget } from "../../../src/core/location/target.ts";
import { inNamespaces, run } from "../../fakes/namespaces.ts";
import { tcpServer } from "../../support/authority.ts";
import { ownTunnel } from "../../support/own-tunnel.ts";
import { eventually, kill } from "../../support/watchdog-rig.ts";

await inNamespaces(["--mount", "--pid", "--mount-proc"], () => {
  run("mount", "--make-rprivate", "/");
  run("mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", "/media");
  process.env.TMPDIR = "/media";

  test("on a full disk a killed stunnel comes back, also where others have the space of its pid file", async (t) => {
    const server = await tcpServer(t, (socket) => socket.resume());
    const target = { dnsName: "x", certificateName: "x" } as ResolvedTarget;
    const settings = { target, caFile: "/none", verify: 0 } as const;
    const { paths, running } = await ownTunnel(t, { server, settings });
    appendFileSync(paths.log, `${"x".repeat(8192)}\n`);
    // its space is not free before this is closed, although stunnel has removed it
    const held = openSync(paths.pidFile, "r");
    t.after(() => closeSync(held));
    assert.throws(() => writeFileSync("/media/filler", "x".repeat(256 * 1024)), /ENOSPC/);
    await kill(running.stunnel.pid);
    await eventually("another stunnel runs", () => {
      const pid = stunnelOf(paths)?.pid;
      return pid !== undefined && pid !== running.stunnel.pid;
    });
  });
});
