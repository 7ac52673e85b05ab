import assert from "node:assert/strict";
import { openSync, readFileSync } from "node:fs";
import type { Guest } from "../runner/guest.ts";
import { MOUNT_POINT, writeFstab } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";

interface Check {
  readonly id: string;
  readonly findings: readonly {
    readonly verdict: string;
    readonly finding: string;
    readonly remedy?: string;
  }[];
}

const BUNDLE = "/run/support.tar.gz";
/** What a doctor says that is interrupted. */
const OUTPUT = "/run/doctor.out";

async function examine(guest: Guest, ...args: string[]): Promise<Map<string, Check["findings"]>> {
  const { stdout, stderr } = await guest.run("efs-utils", ["doctor", "--json", ...args]);
  assert.equal(stderr, "");
  const { schema, checks } = JSON.parse(stdout) as { schema: string; checks: Check[] };
  assert.equal(schema, "efs-utils.doctor/1");
  return new Map(checks.map(({ id, findings }) => [id, findings]));
}

/** What was found to be wrong, as `CHECK: FINDING`. */
function wrong(found: Map<string, Check["findings"]>): string[] {
  return [...found].flatMap(([id, findings]) =>
    findings.filter(({ verdict }) => verdict === "problem").map(({ finding }) => `${id}: ${finding}`),
  );
}

/** The same on a terminal of this width. */
async function onTerminal(guest: Guest, columns: number, command: string): Promise<string> {
  const script = `stty cols ${columns} rows 60; ${command}`;
  const { stdout } = await guest.run("script", ["-q", "-c", script, "/dev/null"]);
  return stdout;
}

export default scenario(
  async (guest) => {
    const { product, endpoint } = guest;
    const { first } = endpoint;
    await product.startWatchdog();
    await product.mount(first);

    const well = await examine(guest, `${first.id}:/`);
    assert.deepEqual(wrong(well), []);
    const said = (id: string) =>
      well
        .get(id)
        ?.map(({ finding }) => finding)
        .join("\n") ?? "";
    assert.match(said("kernel-nfs-client"), /it is loaded/);
    assert.match(said("tls-handshake"), /TLSv1\.2, TLS_ECDHE/);
    assert.match(said("tls-handshake"), /is who it should be/);
    assert.match(
      said("tls-handshake"),
      /NFS answers through the tunnel, after \d+ ms, without an IAM identity/,
    );
    assert.match(said("ocsp-responder"), /accepts connections/);
    assert.match(said("region"), /us-east-1, by the instance metadata service/);
    assert.match(said("port-2049"), new RegExp(first.front.address));
    assert.match(said("watchdog"), /process \d+ runs, version/);
    for (const columns of [80, 200]) {
      const shown = await onTerminal(guest, columns, `efs-utils doctor ${first.id}`);
      guest.log(shown);
      const plain = shown.replaceAll(/\x1b\[[0-9;]*[mK]/g, "");
      for (const line of plain.split(/\r?\n|\r/)) assert.ok(line.length <= columns, line);
    }
    // what it opened is gone, and the mount is as it was
    assert.equal(product.stunnels().length, 1);
    await guest.write(`${MOUNT_POINT}/file`, "still there");
    await guest.umount(MOUNT_POINT);
    await product.gone();

    await first.front.present("wrong-host");
    assert.match(
      wrong(await examine(guest, first.id)).join(),
      /tls-handshake: .*certificate for another host/,
    );
    await first.front.present("good");
    await endpoint.ocsp.become("absent");
    const silent = wrong(await examine(guest, first.id)).join();
    assert.match(silent, /tls-handshake: .*the OCSP responder \S+ gave no answer/);
    // interrupted in the middle, it leaves nothing either
    await endpoint.ocsp.become("silent");
    const doctor = guest.service("efs-utils", ["doctor", first.id], openSync(OUTPUT, "w"));
    await guest.eventually("it has opened a tunnel", () => product.stunnels().length === 1);
    process.kill(doctor.pid, "SIGINT");
    await guest.eventually("it has ended", () => !doctor.running);
    assert.match(readFileSync(OUTPUT, "utf8"), /interrupted: nothing of the doctor's stays/);
    await endpoint.ocsp.become("good");
    assert.deepEqual(product.traces(), []);

    // what is wrong in files, and what the log has of a mount that failed
    product.configure({ port_range_upper_bound: "20050" });
    writeFstab(
      "fs-12345678:/ /mnt/efs efs tls,noresvprot 0 0",
      "fs-12345678:/ /mnt/other efs tls,notls,_netdev 0 0",
    );
    await product.tryMount("fs-00000000:/", ["tls"]);
    const text = (await guest.run("efs-utils", ["doctor", "--bundle", BUNDLE])).stdout;
    guest.log(text);
    assert.match(
      text,
      /line 1 \(\/mnt\/efs\): the option noresvprot is not known\n +remedy: did you mean noresvport\?/,
    );
    assert.match(text, /line 1 \(\/mnt\/efs\): _netdev is missing/);
    assert.match(text, /line 2 \(\/mnt\/other\): options tls and notls exclude each other/);
    assert.match(text, /fs-00000000.* does not resolve[\s\S]*see "The name does not resolve"/);
    const names = await guest.ok("tar", ["-tzf", BUNDLE]);
    for (const name of ["doctor.json", "status.json", "etc/fstab", "var/log/amazon/efs/mount.log"])
      assert.ok(names.includes(`efs-support/${name}\n`), names);
    await guest.ok("rm", [BUNDLE]);

    // by a mount point of fstab, and as nobody
    writeFstab("fs-12345678:/ /mnt/efs efs _netdev,tls,nofail 0 0");
    const nobody = await guest.run("setpriv", [
      "--reuid=65534",
      "--regid=65534",
      "--clear-groups",
      "efs-utils",
      "doctor",
      "/mnt/efs",
    ]);
    guest.log(nobody.stdout);
    assert.match(nobody.stdout, /only root can open a tunnel/);
    assert.match(nobody.stdout, /TLSv1\.2/);
  },
  { limitMs: 150_000 },
);
