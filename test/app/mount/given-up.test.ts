import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { temporaryDirectory } from "../../support/authority.ts";
import { buildCheckout } from "../../support/built.ts";
import { MountMachine, NAME } from "../../support/mount-machine.ts";

const HANGS = "touch /run/begun; exec sleep 1000";

/** Interrupts a mount while mount.nfs4 runs. */
const INTERRUPTED = `
  $mount_efs fs-12345678:/data /mnt -o "$1" & helper=$!
  while [ ! -e /run/begun ]; do sleep 0.05; done
  kill -TERM $helper; wait $helper; status=$?
  { ls -A /run/efs 2>/dev/null; } >&2
  exit $status`;

/** Mounts while no name server answers, each of which the resolver would wait minutes for. */
const SILENT_NAMES = `
  node=$1 device=$2
  sed -i /fs-12345678/d /etc/hosts
  printf 'nameserver 127.0.0.1\\noptions timeout:30 attempts:5\\n' >/etc/resolv.conf
  mkfifo /run/up
  "$node" -e 'require("dgram").createSocket("udp4").bind(53, "127.0.0.1", () => console.log("ready"))' >/run/up &
  read -r _ </run/up
  $mount_efs $device /mnt -o tls; status=$?
  pgrep -x getent >&2
  exit $status`;

describe("a mount that is given up", { skip: process.getuid?.() !== 0 }, () => {
  const cleanUps: (() => unknown)[] = [];
  let program: string;

  before(() => {
    const directory = temporaryDirectory({ after: (cleanUp) => void cleanUps.push(cleanUp) }, "given-up");
    buildCheckout(directory);
    program = join(directory, "bin/mount.efs");
  });
  after(() => {
    for (const cleanUp of cleanUps.reverse()) cleanUp();
  });

  for (const options of ["rw", "tls,verify=0"]) {
    test(`by a signal says what it was, and where, with ${options}`, async (t) => {
      const machine = new MountMachine(t, program, { nfs: HANGS });
      const { status, stderr } = await machine.run(INTERRUPTED, options);
      assert.equal(status, 8, stderr);
      const [said = "", ...left] = stderr.trim().split("\n");
      assert.deepEqual(left, []);
      assert.ok(
        said.includes("interrupted by SIGTERM: fs-12345678:/data is not mounted at /mnt ("),
        `${said} does not name it`,
      );
      assert.ok(said.includes(`${NAME} (127.0.0.5), port 2049`), said);
      assert.ok(machine.log.includes(said.replace("mount.efs: ", "ERROR - ")), machine.log);
    });
  }

  for (const device of ["fs-12345678:/", "files.example:/"]) {
    test(`as the name service is silent ends with its deadline, for ${device}`, async (t) => {
      const machine = new MountMachine(t, program, { config: "mount_deadline_sec = 2\n" });
      const { status, stderr } = await machine.run(SILENT_NAMES, process.execPath, device);
      assert.equal(status, 32, stderr);
      const looking = "region and name were being looked up";
      assert.match(stderr, /^mount\.efs: the mount was not done within 2 s \(mount_deadline_sec\): /);
      assert.ok(stderr.includes(`: ${device} is not mounted at /mnt (${looking})`), stderr);
      assert.equal(stderr.trim().split("\n").length, 1, "no lookup runs on");
    });
  }

  for (const options of ["tls", "rw", "rw,mounttargetip=127.0.0.5"]) {
    test(`as its network namespace is not there names that, with ${options}`, async (t) => {
      const machine = new MountMachine(t, program);
      const script =
        '$mount_efs fs-12345678:/ /mnt -o "$1,netns=/run/netns/none"; status=$?; { ls -A /run/efs 2>/dev/null; } >&2; exit $status';
      const { status, stderr } = await machine.run(script, options);
      assert.equal(status, 2, stderr);
      assert.match(
        stderr,
        /^mount\.efs: the network namespace \/run\/netns\/none cannot be used: .*; check the path/,
      );
      assert.equal(stderr.trim().split("\n").length, 1, "nothing is left");
    });
  }
});
