import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CHECKOUT, CONFIG, clock, FILE_SYSTEM, setUpMachine } from "./machine.ts";
import { endTunnels } from "./mount.ts";
import { median, type Row } from "./table.ts";

const RUNS = 21;
const ROUNDS = 3;
const AT_ONCE = 100;
/** The same mounts without rules and with them, in turns. */
const MODES = ["any", "root"] as const;
/** What keeping others out may cost. */
const MOST_MS = 4;
const MOST_SHARE = 1.1;

/** What it costs a mount, and a hundred mounts at once, that the tunnels are closed to other users. */
export async function measureAccess(): Promise<Row[]> {
  const machine = await setUpMachine();
  const helper = join(CHECKOUT, "bin/mount.efs");
  const options = (index: number) => {
    const mountPoint = join(machine.folder, `access-${index}`);
    mkdirSync(mountPoint, { recursive: true });
    return [`${FILE_SYSTEM}:/`, mountPoint, "-o", "tls"];
  };
  spawnSync(helper, options(0));
  await endTunnels();
  const single: number[][] = MODES.map(() => []);
  const beside: number[][] = MODES.map(() => []);
  const many: number[][] = MODES.map(() => []);
  const untilMount = (index: number) => {
    const startedAt = Date.now() + (performance.now() % 1);
    const { status, stderr } = spawnSync(helper, options(index), { encoding: "utf8" });
    if (status !== 0) throw new Error(`mount.efs ended with ${status}: ${stderr}`);
    return machine.began() - startedAt;
  };
  for (let run = 0; run < RUNS; run += 1) {
    for (const [which, mode] of MODES.entries()) {
      writeFileSync("/etc/amazon/efs/efs-utils.conf", `${CONFIG}tunnel_access = ${mode}\n`);
      single[which]?.push(untilMount(0));
      beside[which]?.push(untilMount(1));
      await endTunnels();
    }
  }
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [which, mode] of MODES.entries()) {
      writeFileSync("/etc/amazon/efs/efs-utils.conf", `${CONFIG}tunnel_access = ${mode}\n`);
      const began = clock();
      const mounts = Array.from({ length: AT_ONCE }, (_, index) =>
        ended(spawn(helper, options(index), { stdio: "ignore" })),
      );
      if (!(await Promise.all(mounts)).every((status) => status === 0)) throw new Error("a mount failed");
      many[which]?.push(clock() - began);
      await endTunnels();
    }
  }
  const rows = (what: string, [without = [], within = []]: number[][], budget: (value: number) => number) => {
    const value = median(without);
    return [
      { what: `${what}, open to all users`, values: without, unit: "ms" },
      {
        what: `${what}, closed to others`,
        values: within,
        unit: "ms",
        yardstick: { name: "open", value },
        budget: budget(value),
      },
    ];
  };
  return [
    ...rows("mount.efs to mount.nfs4, the first", single, (value) => value + MOST_MS),
    ...rows("mount.efs to mount.nfs4, the second", beside, (value) => value + MOST_MS),
    ...rows(`${AT_ONCE} mounts at once`, many, (value) => value * MOST_SHARE),
  ];
}

async function ended(child: ChildProcess): Promise<number> {
  return (await once(child, "exit"))[0];
}
