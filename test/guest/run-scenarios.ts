/** Bundles the scenarios and runs them in a guest. */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { build } from "esbuild";
import { fetchRuntime } from "../../packaging/runtime.ts";
import { type BootOptions, bootGuest, type GuestRun } from "./boot.ts";
import type { GuestRecord } from "./runner/scenario.ts";

const HERE = import.meta.dirname;
const SCENARIOS = join(HERE, "scenarios");

export function scenarioNames(only?: string): string[] {
  const names = readdirSync(SCENARIOS)
    .filter((name) => name.endsWith(".ts"))
    .map((name) => basename(name, ".ts"));
  return names.filter((name) => only === undefined || new RegExp(only).test(name)).sort();
}

export async function bundle(source: string): Promise<string> {
  const built = await build({
    stdin: { contents: source, resolveDir: HERE, sourcefile: "entry.ts", loader: "ts" },
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    target: "node20",
    sourcemap: "inline",
    sourcesContent: false,
    logLevel: "silent",
  });
  return built.outputFiles[0]?.text ?? "";
}

type RunOptions = Pick<
  BootOptions,
  "kernel" | "name" | "root" | "shared" | "timeoutMs" | "signal" | "onLine" | "memory"
> & {
  onRecord?: (record: GuestRecord) => void;
};

/** In a guest that may share them with others, and in which everything runs on the node that packages carry. */
export async function runScenarios(names: string[], options: RunOptions): Promise<GuestRun> {
  const call = (list: string) =>
    `import { runScenarios } from "./runner/main.ts";\nawait runScenarios(${list});`;
  return bootScenarios("scenarios", names, call, { ...options, node: (await fetchRuntime()).program });
}

/**
 * In a guest whose process 1 is systemd, with this fstab; with this machine's node, or, where the guest has another
 * system's root, with the node that packages carry.
 */
export async function runUnderSystemd(
  names: string[],
  fstab: string[],
  options: RunOptions,
): Promise<GuestRun> {
  const units = join(HERE, "systemd/units");
  const files = readdirSync(units).map((name) => [`units/${name}`, readFileSync(join(units, name), "utf8")]);
  const call = (list: string) => `import { main } from "./systemd/program.ts";\nawait main(${list});`;
  return bootScenarios("systemd/scenarios", names, call, {
    ...options,
    ...(options.root !== undefined && { node: (await fetchRuntime()).program }),
    systemd: true,
    files: { fstab: `${fstab.join("\n")}\n`, ...Object.fromEntries(files) },
  });
}

async function bootScenarios(
  directory: string,
  names: string[],
  call: (list: string) => string,
  options: RunOptions & Pick<BootOptions, "systemd" | "files" | "node">,
): Promise<GuestRun> {
  const imports = names.map((name, at) => `import s${at} from "./${directory}/${name}.ts";`);
  const list = names.map((name, at) => `{ name: "${name}", scenario: s${at} }`);
  const program = await bundle([...imports, call(`[${list.join(", ")}]`)].join("\n"));
  const writer = await bundle('import "./runner/writer-program.ts";');
  const { onRecord, ...boot } = options;
  return bootGuest({
    ...boot,
    program,
    files: { ...options.files, "writer.mjs": writer },
    onRecord: (record) => onRecord?.(record as GuestRecord),
  });
}
