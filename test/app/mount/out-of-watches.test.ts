import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Authority, type Test, temporaryDirectory } from "../../support/authority.ts";
import { buildCheckout } from "../../support/built.ts";
import { MountMachine, NAME, TLS_SERVER } from "../../support/mount-machine.ts";

/** Mounts where the kernel gives nobody another inotify(7) instance; the limit is that of a user namespace. */
const SCRIPT = `
  node=$1 server=$2; shift 2
  mkfifo /run/up
  "$node" -e "$server" 127.0.0.5 "$@" >/run/up & read -r _ </run/up
  unshare --user --map-root-user /bin/sh -c '
    echo 0 >/proc/sys/user/max_inotify_instances
    "$0" -e "require(\\"node:fs\\").watch(\\"/\\")" 2>&1 | grep -o "EMFILE: [a-z ]*" | head -n 1 >&2
    exec "$@"' "$node" $mount_efs fs-12345678:/ /mnt -o tls,noocsp; status=$?
  ps -eo comm | grep -Ec 'stunnel|efs-tunnel' >&2
  exit $status`;

/** As root's programs have taken them all, for instance on a node of Kubernetes with many pods. */
describe("where the kernel has no more watches to give, a mount", { skip: process.getuid?.() !== 0 }, () => {
  const cleanUps: (() => unknown)[] = [];
  const group: Test = { after: (cleanUp) => void cleanUps.push(cleanUp) };
  let program: string;
  let authority: Authority;

  before(() => {
    const directory = temporaryDirectory(group, "watches");
    buildCheckout(directory);
    program = join(directory, "bin/mount.efs");
    authority = new Authority(directory, "authority");
  });
  after(() => {
    for (const cleanUp of cleanUps.reverse()) cleanUp();
  });

  async function mount(t: Test, host: string) {
    const { files } = authority.server({ host });
    const authorities = readFileSync(authority.certificate, "utf8");
    const machine = new MountMachine(t, program, { authorities });
    const { status, stderr } = await machine.run(SCRIPT, process.execPath, TLS_SERVER, files.key, files.cert);
    const [limit, ...said] = stderr.trim().split("\n");
    assert.equal(limit, "EMFILE: too many open files");
    return { status, processes: said.pop(), said };
  }

  test("is made once the server has shown that it is the right one", async (t) => {
    assert.deepEqual(await mount(t, NAME), { status: 0, processes: "2", said: [] });
  });

  test("is refused by name where it is another one, and leaves nothing", async (t) => {
    const { status, processes, said } = await mount(t, "other.example");
    assert.deepEqual([status, processes, said.length], [32, "0", 1]);
    assert.match(said[0] ?? "", /^mount\.efs: the server .* has a certificate for another host, /);
  });
});
