import assert from "node:assert/strict";
import {
  copyFileSync,
  existsSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import type { Guest } from "../runner/guest.ts";
import { Load, showGaps } from "../runner/load.ts";
import { MOUNT_POINT } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";
import { Tunnel } from "../runner/tunnel.ts";

const STUNNEL = "/usr/bin/stunnel4";

interface Fault {
  name: string;
  /** Ends the tunnel's stunnel; returns when another one runs. */
  strike(guest: Guest, tunnel: Tunnel): Promise<unknown>;
  /** What holds, or is undone, when writing goes on. */
  after?(guest: Guest, tunnel: Tunnel): Promise<unknown>;
}

const FAULTS: Fault[] = [
  {
    name: "the kernel's out-of-memory killer takes stunnel",
    strike: (_, tunnel) =>
      tunnel.replaced(["stunnel"], () => {
        writeFileSync(`/proc/${tunnel.pid("stunnel")}/oom_score_adj`, "1000");
        writeFileSync("/proc/sysrq-trigger", "f");
      }),
    after: (guest) => guest.shell("dmesg | grep 'Killed process .*(stunnel'"),
  },
  {
    name: "the keeper is killed, then stunnel",
    strike: async (guest, tunnel) => {
      tunnel.signal("SIGKILL", "keeper");
      // It was only the keeper: stunnel and its connections stay.
      await Load.start(guest, { target: guest.endpoint.first, path: MOUNT_POINT }).then((load) =>
        load.finish(),
      );
      await tunnel.lose("stunnel");
    },
    after: (guest, tunnel) => guest.eventually("it has a keeper again", () => tunnel.isComplete()),
  },
  { name: "keeper and stunnel are killed", strike: (_, tunnel) => tunnel.lose("keeper", "stunnel") },
  {
    name: "the configuration is deleted, stunnel killed",
    strike: async (_, tunnel) => {
      rmSync(tunnel.configuration);
      await tunnel.lose("stunnel");
    },
  },
  {
    name: "the certificate is deleted, stunnel killed",
    strike: async (_, tunnel) => {
      rmSync(`${tunnel.directory}/certificate.pem`);
      await tunnel.lose("stunnel");
    },
    after: (guest, tunnel) =>
      guest.eventually("the certificate is back", () => existsSync(`${tunnel.directory}/certificate.pem`)),
  },
  {
    name: "stunnel's program is replaced, stunnel killed",
    strike: async (_, tunnel) => {
      copyFileSync(STUNNEL, `${STUNNEL}.new`);
      renameSync(`${STUNNEL}.new`, STUNNEL);
      assert.match(readlinkSync(`/proc/${tunnel.pid("stunnel")}/exe`), / \(deleted\)$/);
      await tunnel.lose("stunnel");
    },
    after: async (_, tunnel) => assert.equal(readlinkSync(`/proc/${tunnel.pid("stunnel")}/exe`), STUNNEL),
  },
  {
    name: "the state file is damaged, stunnel killed",
    strike: async (guest, tunnel) => {
      const saved = readFileSync(tunnel.stateFile);
      writeFileSync(tunnel.stateFile, '{"pid": 1, "cmd": 7');
      await tunnel.lose("stunnel");
      await guest.eventually("it is reported", () => reportsOf(guest, tunnel) > 0);
      assert.equal(reportsOf(guest, tunnel), 1);
      writeFileSync(tunnel.stateFile, saved);
    },
    after: (guest, tunnel) =>
      guest.eventually("the mended state file follows", () => {
        const { pid } = JSON.parse(readFileSync(tunnel.stateFile, "utf8"));
        return pid === tunnel.pid("stunnel");
      }),
  },
];

export default scenario(
  async (guest) => {
    const { product, endpoint } = guest;
    await product.startWatchdog();
    await product.mount(endpoint.first);
    const tunnel = Tunnel.of(guest);
    const load = await Load.start(guest, { target: endpoint.first, path: MOUNT_POINT });
    const gaps = new Map<string, number>();
    for (const { name, strike, after } of FAULTS) {
      await strike(guest, tunnel);
      await load.goesOn(`although ${name}`);
      gaps.set(name, load.takeGap());
      await after?.(guest, tunnel);
      assert.ok(tunnel.isComplete(), name);
    }
    await load.finish();
    await guest.umount(MOUNT_POINT);
    await product.gone();
    await showGaps(guest, gaps);
  },
  { limitMs: 180_000 },
);

function reportsOf({ product }: Guest, { stateFile }: Tunnel): number {
  const name = stateFile.slice(stateFile.lastIndexOf("/") + 1);
  return product.watchdogLog.split("\n").filter((line) => line.includes("ERROR") && line.includes(name))
    .length;
}
