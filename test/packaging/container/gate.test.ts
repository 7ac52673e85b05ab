import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, type TestContext, test } from "node:test";
import { launcherPath } from "../../../src/app/install-layout.ts";
import { eventually } from "../../app/watchdog-rig.ts";
import { CHECKOUT } from "../../bin/built.ts";
import { inNamespaces, run } from "../../fakes/namespaces.ts";

const CONTAINER = join(CHECKOUT, "packaging/container");
const SLOTS = "/run/amazon-efs-mount-helper";
const SLOT_COUNT = 3;

/** Stands in for mount.efs: says that it is there, and ends when it may. */
const PROGRAM = `#!/bin/sh
echo "$$" >"$FOLDER/there.$$"
while [ ! -e "$FOLDER/go" ]; do sleep 0.05; done
printf '%s|' "$@"
exit 32
`;

class Gate {
  readonly folder: string;

  constructor(test: TestContext) {
    this.folder = mkdtempSync("/media/gate-");
    test.after(() => rmSync(this.folder, { recursive: true }));
  }

  async mount(...args: string[]) {
    const child = spawn(join(CONTAINER, "mount.efs"), args, {
      env: { PATH: "/usr/bin:/bin", FOLDER: this.folder },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [stdout, [status]] = await Promise.all([text(child.stdout), once(child, "exit")]);
    return { status, stdout };
  }

  get there(): number {
    return readdirSync(this.folder).filter((name) => name.startsWith("there.")).length;
  }

  open(): void {
    writeFileSync(join(this.folder, "go"), "");
  }
}

await inNamespaces(import.meta.url, ["--mount", "--pid", "--mount-proc"], () => {
  run("mount", "--make-rprivate", "/");
  for (const place of ["/media", "/run"]) run("mount", "-t", "tmpfs", "tmpfs", place);
  for (const part of ["upper", "work"]) mkdirSync(join("/media", part));
  run(
    "mount",
    "-t",
    "overlay",
    "overlay",
    "-o",
    "lowerdir=/usr/lib,upperdir=/media/upper,workdir=/media/work",
    "/usr/lib",
  );
  const program = launcherPath("mount.efs");
  mkdirSync(join(program, ".."), { recursive: true });
  writeFileSync(program, PROGRAM, { mode: 0o755 });

  describe("the gate before mount.efs in a container", () => {
    test("hands on arguments, and the status of what it ran", async (t) => {
      const gate = new Gate(t);
      gate.open();
      const args = ["fs-11:/", "/mnt/with blank", "-o", 'tls,x="a,b"'];
      assert.deepEqual(await gate.mount(...args), { status: 32, stdout: `${args.join("|")}|` });
    });

    test("lets three mounts through at a time, and all of them in the end", async (t) => {
      const gate = new Gate(t);
      const mounts = Array.from({ length: 3 * SLOT_COUNT }, (_, at) => gate.mount(String(at)));
      const waiting = () => queued().length === 2 * SLOT_COUNT;
      await eventually("three are through and the others wait", () => gate.there === SLOT_COUNT && waiting());
      gate.open();
      const ended = await Promise.all(mounts);
      assert.deepEqual(
        ended.map(({ stdout }) => Number.parseInt(stdout, 10)),
        mounts.map((_, at) => at),
      );
      assert.equal(gate.there, mounts.length);
    });

    test("is open where it cannot remember who went through", async (t) => {
      const gate = new Gate(t);
      rmSync(SLOTS, { recursive: true, force: true });
      writeFileSync(SLOTS, "");
      t.after(() => rmSync(SLOTS));
      gate.open();
      assert.equal((await gate.mount("fs-11:/")).status, 32);
    });
  });
});

/** Processes that wait for a slot. */
function queued(): string[] {
  return readdirSync("/proc").filter((name) => {
    try {
      return /^flock\0(.*\0)?--timeout\0/.test(readFileSync(`/proc/${name}/cmdline`, "latin1"));
    } catch {
      return false;
    }
  });
}
