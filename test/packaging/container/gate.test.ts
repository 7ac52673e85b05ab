import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, type TestContext, test } from "node:test";
import { CONTAINER_GATE, launcherPath, PROGRAMS } from "../../../src/app/install/layout.ts";
import { inNamespaces, run } from "../../fakes/namespaces.ts";
import { CHECKOUT } from "../../support/built.ts";
import { eventually } from "../../support/watchdog-rig.ts";

const GATE = join(CHECKOUT, "packaging/container/mount.efs");
const MOUNT = PROGRAMS["mount.efs"] ?? "";
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
    const child = spawn(MOUNT, args, {
      env: { PATH: "/usr/bin:/bin", FOLDER: this.folder },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [stdout, stderr, [status]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, "exit"),
    ]);
    return { status, stdout, stderr };
  }

  get there(): number {
    return readdirSync(this.folder).filter((name) => name.startsWith("there.")).length;
  }

  open(): void {
    writeFileSync(join(this.folder, "go"), "");
  }
}

await inNamespaces(["--mount", "--pid", "--mount-proc"], () => {
  run("mount", "--make-rprivate", "/");
  for (const place of ["/media", "/run"]) run("mount", "-t", "tmpfs", "tmpfs", place);
  for (const part of ["upper", "work"]) mkdirSync(join("/media", part));
  run(
    "mount",
    "-t",
    "overlay",
    "overlay",
    "-o",
    "lowerdir=/usr,upperdir=/media/upper,workdir=/media/work",
    "/usr",
  );
  // as the package brings it
  const program = launcherPath("mount.efs");
  for (const file of [program, CONTAINER_GATE]) mkdirSync(dirname(file), { recursive: true });
  copyFileSync(GATE, CONTAINER_GATE);
  const install = () => {
    writeFileSync(program, PROGRAM, { mode: 0o755 });
    rmSync(MOUNT, { force: true });
    symlinkSync(program, MOUNT);
  };
  install();
  // as an image has it before mount.efs
  const page = readFileSync(join(CHECKOUT, "docs/kubernetes.md"), "utf8");
  run("sh", "-c", /^ +RUN (ln .*)$/m.exec(page)?.[1] ?? "false");

  describe("the gate before mount.efs in a container", () => {
    test("hands on arguments, and the status of what it ran", async (t) => {
      const gate = new Gate(t);
      gate.open();
      const args = ["fs-11:/", "/mnt/with blank", "-o", 'tls,x="a,b"'];
      assert.deepEqual(await gate.mount(...args), { status: 32, stdout: `${args.join("|")}|`, stderr: "" });
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

    test("lets three more through with each minute that others have waited, and after three minutes all", async (t) => {
      const gate = new Gate(t);
      rmSync(SLOTS, { recursive: true, force: true });
      hurry(t);
      const mounts = Array.from({ length: 4 * SLOT_COUNT }, () => gate.mount());
      await eventually("all are through", () => gate.there === mounts.length);
      assert.equal(
        readdirSync(join(SLOTS, "gate")).filter((name) => name.startsWith("mounting.")).length,
        3 * SLOT_COUNT,
      );
      gate.open();
      await Promise.all(mounts);
    });

    test("cannot be held by another user", async (t) => {
      const gate = new Gate(t);
      gate.open();
      await gate.mount();
      const user = ["--reuid", "65534", "--regid", "65534", "--clear-groups", "--"];
      for (const slot of ["gate", "gate/mounting.1.1"]) {
        const command = ["setpriv", ...user, "flock", "--nonblock", join(SLOTS, slot), "true"];
        assert.throws(() => run(command[0] ?? "", ...command.slice(1)), /Permission denied/);
      }
    });

    test("is open where it cannot remember who went through", async (t) => {
      const gate = new Gate(t);
      rmSync(SLOTS, { recursive: true, force: true });
      writeFileSync(SLOTS, "");
      t.after(() => rmSync(SLOTS));
      gate.open();
      assert.equal((await gate.mount("fs-11:/")).status, 32);
    });

    // a copy to where the package has a link is written to what the link leads to
    test("says that it stands in the place of the program, where it was copied over it", async (t) => {
      const gate = new Gate(t);
      const before = readlinkSync(MOUNT);
      t.after(() => {
        install();
        run("ln", "-sf", before, MOUNT);
      });
      install();
      rmSync(SLOTS, { recursive: true, force: true });
      copyFileSync(CONTAINER_GATE, MOUNT);
      assert.equal(readFileSync(program, "utf8"), readFileSync(GATE, "utf8"));
      const { status, stderr } = await gate.mount("fs-11:/");
      assert.equal(status, 2);
      assert.match(stderr, /^mount\.efs: \S+ is the gate before mount\.efs, not the program: .*\n$/);
      assert.ok(stderr.includes(CONTAINER_GATE), stderr);
      assert.equal(existsSync(SLOTS), false);
    });
  });
});

/** Lets flock(1) take a fifth of a second for a minute, until the test is over. */
function hurry(t: TestContext): void {
  renameSync("/usr/bin/flock", "/usr/bin/flock.patient");
  t.after(() => renameSync("/usr/bin/flock.patient", "/usr/bin/flock"));
  const hurried = `#!/bin/sh
for word do
  shift
  [ "$word" != 60 ] || word=0.2
  set -- "$@" "$word"
done
exec /usr/bin/flock.patient "$@"
`;
  writeFileSync("/usr/bin/flock", hurried, { mode: 0o755 });
}

/** Processes that wait for a slot. */
function queued(): string[] {
  return readdirSync("/proc").filter((name) => {
    try {
      return /^\/usr\/bin\/flock\0(.*\0)?--timeout\0/.test(readFileSync(`/proc/${name}/cmdline`, "latin1"));
    } catch {
      return false;
    }
  });
}
