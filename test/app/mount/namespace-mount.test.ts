import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Authority, type Test, temporaryDirectory } from "../../support/authority.ts";
import { buildCheckout } from "../../support/built.ts";
import { MountMachine, NAME, type Outcome, TLS_SERVER } from "../../support/mount-machine.ts";

/** A listener on all ports of the range, that says nothing. */
const SILENT = `
  const ports = Array.from({ length: 400 }, (_, index) => 20049 + index);
  let left = ports.length;
  for (const port of ports) require("node:net").createServer(() => console.error("a connection in ours"))
    .listen(port, "127.0.0.1", () => { left -= 1; if (left === 0) console.log("ready"); });`;

/** A server in the namespace blue, silent listeners in ours, then a mount; then what is left of it. */
const SCRIPT = `
  ip netns add blue && ip -n blue link set lo up
  node=$1 server=$2 silent=$3 options=$4; shift 4
  mkfifo /run/up
  "$node" -e "$silent" >/run/up & read -r _ </run/up
  ip netns exec blue "$node" -e "$server" 127.0.0.5 "$@" >/run/up & read -r _ </run/up
  $mount_efs fs-12345678:/ /mnt -o "$options,netns=/run/netns/blue"; status=$?
  [ ! -e /run/nfs ] || cat /run/nfs >&2
  ip netns exec blue ss -Hltn 'sport >= 20049' | wc -l >&2
  ls -A /run/efs >&2
  exit $status`;

describe("a mount in another network namespace", { skip: process.getuid?.() !== 0 }, () => {
  const cleanUps: (() => unknown)[] = [];
  const group: Test = { after: (cleanUp) => void cleanUps.push(cleanUp) };
  let program: string;
  let authority: Authority;

  before(() => {
    const directory = temporaryDirectory(group, "elsewhere");
    buildCheckout(directory);
    program = join(directory, "bin/mount.efs");
    authority = new Authority(directory, "authority");
  });
  after(() => {
    for (const cleanUp of cleanUps.reverse()) cleanUp();
  });

  function mount(test: Test, host: string, options = "tls,noocsp"): Promise<Outcome> {
    const { files } = authority.server({ host });
    const authorities = readFileSync(authority.certificate, "utf8");
    const machine = new MountMachine(test, program, { authorities, nfs: 'echo "nfs: $*" >/run/nfs' });
    return machine.run(SCRIPT, process.execPath, TLS_SERVER, SILENT, options, files.key, files.cert);
  }

  test("listens in there, whoever listens in ours, and disturbs nobody", async (t) => {
    const { status, stderr } = await mount(t, NAME);
    assert.equal(status, 0, stderr);
    const [nfs = "", listeners, ...files] = stderr.trim().split("\n");
    const port = /^nfs: 127\.0\.0\.1:\/ \/mnt -o .*\bport=(\d+)/.exec(nfs)?.[1];
    assert.ok(port !== undefined, stderr);
    assert.equal(listeners, "1");
    assert.ok(files.includes(`fs-12345678.mnt.${port}`), stderr);
  });

  test("reaches a mount target that only those in there can reach", async (t) => {
    const { status, stderr } = await mount(t, NAME, "mounttargetip=127.0.0.5");
    assert.equal(status, 0, stderr);
    assert.match(stderr, /^nfs: 127\.0\.0\.5:\/ \/mnt /);
  });

  test("is refused at once where the server in there is not who it should be, and leaves nothing", async (t) => {
    const { status, stderr } = await mount(t, "fs-99999999.efs.us-east-1.amazonaws.com");
    assert.equal(status, 32, stderr);
    const [said = "", listeners, ...files] = stderr.trim().split("\n");
    assert.match(said, /^mount\.efs: .*fs-12345678\.efs\.us-east-1\.amazonaws\.com/);
    assert.doesNotMatch(stderr, /^nfs:/m);
    assert.deepEqual([listeners, files], ["0", []]);
  });
});
