import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { randomFrom, soak } from "../support/soak.ts";
import { eventually, isListening, Rig, type RigTunnel } from "../support/watchdog-rig.ts";
import { tunnelTo } from "./loaded-machine.ts";
import { type Writer, WritingServer } from "./writing-load.ts";

/** A keeper pauses up to a minute after deaths in quick succession. */
const FINISH_LIMIT_MS = 90_000;
const END_LIMIT_MS = 15_000;

interface SoakOptions {
  readonly seed: number;
  readonly minutes: number;
  print(line: string): void;
}

/**
 * Mounts, unmounts, kills and deletes at random while every mount is written through, for some minutes, and
 * tells what is left over in the end.
 *
 * @returns whether all that was written is there and nothing is left over
 */
export async function runSoak({ seed, minutes, print }: SoakOptions): Promise<boolean> {
  const cleanUps: (() => unknown)[] = [];
  const test = { after: (cleanUp: () => unknown) => void cleanUps.push(cleanUp) };
  const folder = mkdtempSync(join(tmpdir(), "efs-soak-"));
  const writers = new Map<RigTunnel, { readonly id: number; readonly writer: Writer }>();
  const seen: RigTunnel[] = [];
  const wrong: string[] = [];
  const end = performance.now() + minutes * 60_000;
  const server = await WritingServer.start();
  const rig = new Rig(test as TestContext);
  let records = 0;

  const finish = async (tunnel: RigTunnel) => {
    const load = writers.get(tunnel);
    if (load === undefined) return;
    const { id, writer } = load;
    writer.finish();
    await eventually(`all of ${tunnel.mountPoint} is acknowledged`, () => writer.isFinished, FINISH_LIMIT_MS);
    writer.stop();
    writers.delete(tunnel);
    records += writer.acknowledged;
    if (server.sumOf(id) !== writer.sum) wrong.push(tunnel.mountPoint);
  };
  try {
    const { steps, mounted } = await soak(rig, randomFrom(seed), Number.POSITIVE_INFINITY, {
      tunnel: await tunnelTo(server, folder),
      mounted: (tunnel) => {
        seen.push(tunnel);
        writers.set(tunnel, { id: seen.length, writer: server.writer(seen.length, tunnel.port) });
      },
      beforeUnmount: finish,
      before: (step) => {
        if (performance.now() >= end) return false;
        print(step);
        return true;
      },
    });
    for (const tunnel of mounted) await finish(tunnel);
    for (const tunnel of mounted) tunnel.unmount();
    const files = () => readdirSync(rig.directory).filter((name) => name !== "watchdog.lock");
    const isClean = () => rig.processes().length === 0 && files().length === 0;
    await eventually("nothing is left over", isClean, END_LIMIT_MS).catch(() => {});
    const ports = await Promise.all(seen.map(({ port }) => isListening(port)));
    const left = {
      processes: rig.processes().length,
      ports: ports.filter(Boolean).length,
      files: files().length,
    };
    print(`${steps.length} steps, ${seen.length} mounts, ${records} records written`);
    print(`wrong sums: ${wrong.length}, records lost: ${server.lost}, of others: ${server.strangers}`);
    print(`left over: ${left.processes} processes, ${left.ports} ports, ${left.files} files`);
    return [wrong.length, server.lost, server.strangers, ...Object.values(left)].every(
      (count) => count === 0,
    );
  } catch (error) {
    print(rig.lines.join("\n"));
    throw error;
  } finally {
    for (const { writer } of writers.values()) writer.stop();
    await server.close();
    for (const cleanUp of cleanUps) await cleanUp();
    rmSync(folder, { recursive: true, force: true });
  }
}
