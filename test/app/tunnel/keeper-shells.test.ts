import assert from "node:assert/strict";
import { statSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { stunnelOf } from "../../../src/app/tunnel/start.ts";
import { watchLifeline } from "../../../src/system/lifeline.ts";
import { inNamespaces, run } from "../../fakes/namespaces.ts";
import { eventually, kill, Rig } from "../../support/watchdog-rig.ts";

/** Made where the tests run: bash as versions up to 5.0, which write here-documents to files. */
const OLD_BASH = "/media/old-bash";

/** What takes the place of /bin/sh; systems have each of them there. */
const SHELLS: readonly [name: string, program: string | undefined][] = [
  ["dash", undefined],
  ["bash", "/bin/bash"],
  ["bash as 4.4", OLD_BASH],
  ["busybox ash", "/bin/busybox"],
  ["mksh", "/bin/mksh"],
  ["lksh", "/bin/lksh"],
];

/** A /tmp to which nothing can be written, as bash up to 5.0 would for a here-document. */
const UNWRITABLE: readonly [what: string, make: () => void][] = [
  ["only read", () => run("mount", "-t", "tmpfs", "-o", "ro", "tmpfs", "/tmp")],
  [
    "full",
    () => {
      run("mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", "/tmp");
      writeFileSync("/tmp/everything", "x".repeat(4096));
    },
  ],
];

await inNamespaces(["--mount", "--pid", "--mount-proc"], () => {
  run("mount", "--make-rprivate", "/");
  run("mount", "-t", "tmpfs", "tmpfs", "/media");
  process.env.TMPDIR = "/media";
  const oldBash = '#!/bin/bash\nexport BASH_COMPAT=4.4\nexec -a sh /bin/bash "$@"\n';
  writeFileSync(OLD_BASH, oldBash, { mode: 0o755 });

  const cases = SHELLS.flatMap((shell) => UNWRITABLE.map((place) => [...shell, ...place] as const));
  for (const [name, program, what, make] of cases) {
    test(`a keeper run by ${name} holds, reports and ends its tunnel, where /tmp is ${what}`, async (t) => {
      make();
      t.after(() => run("umount", "--lazy", "/tmp"));
      if (program !== undefined) {
        run("mount", "--bind", program, "/bin/sh");
        t.after(() => run("umount", "--lazy", "/bin/sh"));
      }
      const rig = new Rig(t);
      const tunnel = await rig.tunnel();
      const { pid, pidStartTime = 0, keeper } = tunnel.state();
      assert.ok(keeper !== undefined);
      const shell = program === OLD_BASH ? "/bin/bash" : (program ?? "/bin/sh");
      assert.equal(statSync(`/proc/${keeper.pid}/exe`).ino, statSync(shell).ino);
      const deaths: string[] = [];
      const follow = (who: string, identity: typeof keeper) => {
        const stop = watchLifeline(identity, () => deaths.push(who));
        assert.notEqual(stop, undefined, who);
      };
      follow("keeper", keeper);
      follow("first", { pid, startTime: pidStartTime });
      await kill(pid);
      await eventually("the first one's death is heard", () => deaths.length === 1);
      await eventually(
        "the state file names the next one",
        () => stunnelOf(tunnel.paths)?.pid === tunnel.state().pid,
      );
      const next = stunnelOf(tunnel.paths);
      assert.ok(next !== undefined && next.pid !== pid);
      follow("next", next);
      process.kill(keeper.pid, "SIGHUP");
      process.kill(keeper.pid, "SIGTERM");
      await eventually("both deaths are heard", () => deaths.length === 3);
      assert.deepEqual(deaths.sort(), ["first", "keeper", "next"]);
      await eventually("neither runs", () => rig.processes().length === 0);
      await eventually("nobody listens", async () => !(await tunnel.isListening()));
    });
  }
});
