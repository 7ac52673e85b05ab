import assert from "node:assert/strict";
import type { Guest } from "../runner/guest.ts";
import { MOUNT_POINT } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";

const PLAIN = "/mnt/plain";

interface Told {
  readonly schema: string;
  readonly mounts: readonly {
    readonly mountPoint: string;
    readonly fileSystem: string;
    readonly protection: string;
    readonly address: string;
    readonly answer: { readonly outcome: string; readonly roundTripMs: number };
    readonly traffic: {
      readonly bytesRead: number;
      readonly bytesWritten: number;
      readonly operations: number;
    };
    readonly tunnel?: {
      readonly port: number;
      readonly pid?: number;
      readonly restarts: number;
      readonly certificate: { readonly expiresAt: string };
    };
    readonly problems: readonly { readonly what: string }[];
  }[];
  readonly problems: readonly { readonly what: string }[];
}

async function told(guest: Guest): Promise<Told & { status: number | null }> {
  const { status, stdout } = await guest.run("efs-utils", ["status", "--json"]);
  return { ...JSON.parse(stdout), status };
}

/** The same on a terminal of this width. */
async function onTerminal(guest: Guest, columns: number, command: string): Promise<string> {
  const script = `stty cols ${columns} rows 60; ${command}`;
  const { stdout } = await guest.run("script", ["-q", "-c", script, "/dev/null"]);
  return stdout.replaceAll(/\x1b\[[0-9;]*m/g, "").replaceAll("\r", "");
}

export default scenario(async (guest) => {
  const { product, endpoint } = guest;
  const { first, second } = endpoint;
  const watchdog = await product.startWatchdog();
  await product.mount(first);
  // without TLS there is no front: the name leads to the NFS server itself
  endpoint.resolve({ [first.name]: first.front.address, [second.name]: second.server.address });
  await product.mount(second, [], PLAIN);
  await guest.write(`${MOUNT_POINT}/file`, "x".repeat(100_000));
  await guest.ok("sync", ["-f", `${MOUNT_POINT}/file`]);

  const well = await told(guest);
  assert.equal(well.schema, "efs-utils.status/1");
  assert.deepEqual([well.status, well.problems], [0, []], JSON.stringify(well));
  const [mount, plain] = well.mounts;
  assert.ok(mount?.tunnel !== undefined && plain !== undefined);
  assert.deepEqual(
    [mount.mountPoint, mount.fileSystem, mount.protection, mount.answer.outcome],
    [MOUNT_POINT, first.id, "tls", "answered"],
  );
  assert.deepEqual(
    [plain.mountPoint, plain.fileSystem, plain.protection, plain.answer.outcome],
    [PLAIN, second.id, "plain", "answered"],
  );
  assert.equal(mount.tunnel.pid, product.stunnelOf(MOUNT_POINT).pid);
  assert.equal(mount.address, first.front.address);
  assert.equal(mount.tunnel.restarts, 0);
  assert.ok(mount.traffic.bytesWritten >= 100_000, JSON.stringify(mount.traffic));
  assert.ok(mount.traffic.operations > 10);
  assert.ok(Date.parse(mount.tunnel.certificate.expiresAt) > Date.now() + 3_600_000);
  for (const columns of [80, 200]) {
    const text = await onTerminal(guest, columns, "efs-utils status");
    guest.log(text);
    for (const line of text.split("\n")) assert.ok(line.length <= columns, line);
    assert.match(text, /^2 mounts, 1 without encryption in transit$/m);
  }
  guest.log((await guest.run("cat", ["/proc/self/mountstats"])).stdout);
  guest.log((await guest.run("efs-utils", ["status", "--prometheus"])).stdout);

  // a killed tunnel that came back is told of, and is no problem
  process.kill(product.stunnelOf(MOUNT_POINT).pid, "SIGKILL");
  const again = await guest.eventually("its tunnel is back, and told of", async () => {
    const now = await told(guest);
    return now.mounts.some(({ tunnel }) => tunnel?.restarts === 1) && now;
  });
  assert.equal(again.status, 0, JSON.stringify(again));

  const history = await onTerminal(guest, 200, `efs-utils logs ${MOUNT_POINT}`);
  guest.log(history);
  assert.match(
    history,
    /mount +INFO +Successfully mounted fs-12345678[\s\S]*watchdog +INFO +tunnel of .*taken/,
  );
  assert.match(history, /tunnel +INFO .*stunnel ended with status 137/);
  assert.doesNotMatch(history, /fs-87654321|accepted connection/);

  // who is nobody sees what anybody may
  const nobody = await guest.run("setpriv", [
    "--reuid=65534",
    "--regid=65534",
    "--clear-groups",
    "efs-utils",
    "status",
  ]);
  guest.log(nobody.stdout);
  assert.match(nobody.stdout, /fs-12345678:\/ {2}TLS {2}ok/);
  assert.match(nobody.stdout, /not read: .*only root/);

  // without the watchdog, a tunnel that dies with its keeper stays down
  await watchdog.stop();
  const { pid } = product.stunnelOf(MOUNT_POINT);
  for (const each of product.tunnelProcesses()) process.kill(each.pid, "SIGKILL");
  await guest.eventually("it is down", () => !product.stunnels().some((each) => each.pid === pid));
  const broken = await told(guest);
  assert.equal(broken.status, 1);
  assert.match(broken.mounts[0]?.problems[0]?.what ?? "", /no tunnel runs on port/);
  assert.equal(broken.mounts[0]?.mountPoint, MOUNT_POINT);
  assert.match(broken.problems[0]?.what ?? "", /no watchdog runs/);
  guest.log(await onTerminal(guest, 80, "efs-utils status"));

  await product.startWatchdog();
  await guest.eventually("all is well again", async () => (await told(guest)).status === 0);
  await guest.umount(MOUNT_POINT);
  await guest.umount(PLAIN);
  await product.gone();
});
