import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { ROOT } from "./about.ts";

const HERE = join(ROOT, "packaging/runtime");
const NAME = `node-linux-${process.arch}`;
const FETCH_LIMIT_MS = 300_000;

/** The node that packages carry, as its registry package has it. */
export interface Runtime {
  readonly name: string;
  readonly version: string;
  /** The registry's checksum of the package, as the lock has it. */
  readonly integrity: string;
  readonly program: string;
  readonly licence: string;
}

/** What is pinned for this machine. */
export function pinnedRuntime(): Runtime {
  const lock = JSON.parse(readFileSync(join(HERE, "package-lock.json"), "utf8"));
  const { version, integrity } = lock.packages[`node_modules/${NAME}`];
  const folder = join(HERE, "node_modules", NAME);
  return {
    name: NAME,
    version,
    integrity,
    program: join(folder, "bin/node"),
    licence: join(folder, "LICENSE"),
  };
}

/** Sees to it that the pinned node is there; npm fetches it, and checks it against the lock. */
export async function fetchRuntime(): Promise<Runtime> {
  const runtime = pinnedRuntime();
  if ((await versionOf(runtime.program)) !== `v${runtime.version}`) {
    const args = ["ci", "--ignore-scripts", "--no-bin-links", "--no-audit", "--no-fund"];
    await execa("npm", args, { cwd: HERE, timeout: FETCH_LIMIT_MS });
  }
  return runtime;
}

async function versionOf(program: string): Promise<string | undefined> {
  return existsSync(program) ? (await execa(program, ["--version"])).stdout : undefined;
}
