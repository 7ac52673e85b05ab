import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { temporaryDirectory } from "../../support/authority.ts";
import { buildCheckout } from "../../support/built.ts";
import { MountMachine } from "../../support/mount-machine.ts";

/** A mount.nfs4 that writes down when it begins and ends, and takes until it is let go. */
const SLOW = `
  echo "begins at $2" >>/run/calls
  while [ ! -e /run/go ]; do sleep 0.05; done
  echo "ends at $2" >>/run/calls`;

/** Starts a mount with the options $1, and waits until it runs mount.nfs4. */
const FIRST = `
  until_said() { while ! grep -qs "$1" "$2"; do sleep 0.05; done; }
  $mount_efs fs-12345678:/ /mnt -o "$1" & first=$!
  until_said begins /run/calls`;

/** Starts another one at the place $2. */
const SECOND = 'touch /run/second; $mount_efs fs-12345678:/ "$2" -v -o "$1" 2>/run/second & second=$!';

/** Tells what mount.nfs4 has done, what the second came to, and what is left of waiting once that has had time to end. */
const TELL = `
  { cat /run/calls; echo "the second: $status"; grep -v ' ms ' /run/second
    tries=100; while pgrep -r R,S,D -x flock >/run/flocks && [ $tries -gt 0 ]; do tries=$((tries - 1)); sleep 0.05; done
    cat /run/flocks; ls -A /run/amazon-efs-mount-helper/turns; } >&2`;

const ENDS = (place: string) => [`begins at ${place}`, `ends at ${place}`];

describe("two mounts at one time", { skip: process.getuid?.() !== 0 }, () => {
  const cleanUps: (() => unknown)[] = [];
  let program: string;

  before(() => {
    const directory = temporaryDirectory({ after: (cleanUp) => void cleanUps.push(cleanUp) }, "turn");
    buildCheckout(directory);
    program = join(directory, "bin/mount.efs");
  });
  after(() => {
    for (const cleanUp of cleanUps.reverse()) cleanUp();
  });

  async function told(machine: MountMachine, script: string, ...args: string[]): Promise<string[]> {
    const { stderr } = await machine.run(script, ...args);
    return stderr.trim().split("\n");
  }

  for (const options of ["rw", "tls,verify=0"]) {
    test(`at one place are made one after the other, with ${options}`, async (t) => {
      const machine = new MountMachine(t, program, { nfs: SLOW });
      const { stderr } = await machine.run(
        `${FIRST}
      ${SECOND}
        until_said "Waiting for /mnt: another mount.efs, process $first, is at work there" /run/second
        cp /run/calls /run/calls-before; touch /run/go
        wait $first; echo "the first: $?" >&2
        wait $second; status=$?
        cat /run/calls-before >&2; echo >&2; ${TELL}`,
        options,
        "/mnt",
      );
      const [before, afterwards] = stderr.trim().split("\n\n");
      assert.deepEqual(before?.split("\n"), ["the first: 0", "begins at /mnt"]);
      assert.deepEqual(afterwards?.split("\n"), [...ENDS("/mnt"), ...ENDS("/mnt"), "the second: 0"]);
      assert.match(
        machine.log,
        / - INFO - Waiting for \/mnt: another mount\.efs, process \d+, is at work there/,
      );
    });
  }

  test("at two places do not wait for each other", async (t) => {
    const machine = new MountMachine(t, program, { nfs: `case $2 in /mnt) ${SLOW};; esac` });
    const said = await told(
      machine,
      `${FIRST}
      ${SECOND}
      wait $second; status=$?; touch /run/go; wait $first; ${TELL}`,
      "rw",
      "/media",
    );
    assert.deepEqual(said, [...ENDS("/mnt"), "the second: 0"]);
  });

  test("at one place: where the first is killed, it is the second's turn", async (t) => {
    const machine = new MountMachine(t, program, { nfs: SLOW });
    const said = await told(
      machine,
      `${FIRST}
      ${SECOND}
      until_said Waiting /run/second
      echo "the first is killed" >>/run/calls; kill -KILL $first; touch /run/go; wait $second; status=$?
      sed -i '/ends/d' /run/calls; ${TELL}`,
      "rw",
      "/mnt",
    );
    assert.deepEqual(said, ["begins at /mnt", "the first is killed", "begins at /mnt", "the second: 0"]);
  });

  test("at one place: the second waits until its deadline at most, and says for whom", async (t) => {
    const machine = new MountMachine(t, program, { nfs: SLOW });
    const [, status, error = "", ...left] = await told(
      machine,
      `${FIRST}
      echo 'mount_deadline_sec = 2' >>/etc/amazon/efs/efs-utils.conf; ${SECOND}
      wait $second; status=$?; ${TELL}; touch /run/go; wait $first`,
      "rw",
      "/mnt",
    );
    assert.equal(status, "the second: 32");
    // by its own limit, or, on a busy machine, by that of the whole mount
    assert.match(
      error,
      /^mount\.efs: (\/mnt was not free for a mount in time|the mount was not done within 2 s)/,
    );
    assert.match(error, /another mount\.efs, process \d+, is at work there/);
    assert.equal(left.length, 1, "the first's turn goes on, and nothing waits for it any more");
  });

  test("at one place: the second can be interrupted while it waits", async (t) => {
    const machine = new MountMachine(t, program, { nfs: SLOW });
    const [, status, error = "", ...left] = await told(
      machine,
      `${FIRST}
      ${SECOND}
      until_said Waiting /run/second
      kill -TERM $second; wait $second; status=$?; ${TELL}; touch /run/go; wait $first`,
      "rw",
      "/mnt",
    );
    assert.equal(status, "the second: 8");
    assert.match(
      error,
      /: interrupted by SIGTERM: .* at \/mnt \(another mount\.efs, process \d+, is at work there\)/,
    );
    assert.equal(left.length, 1, "the first's turn goes on, and nothing waits for it any more");
  });

  test("are made without a place for locks as well, and the log says what that means", async (t) => {
    const machine = new MountMachine(t, program);
    const { status, stderr } = await machine.run(
      `mkdir /run/amazon-efs-mount-helper; mount -t tmpfs -o ro none /run/amazon-efs-mount-helper
      exec $mount_efs fs-12345678:/ /mnt`,
    );
    assert.equal(status, 0, stderr);
    assert.match(
      machine.log,
      / - WARNING - Nobody else is kept from mounting at \/mnt: .*amazon-efs-mount-helper/,
    );
  });
});
