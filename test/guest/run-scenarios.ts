/** Bundles the scenarios and runs them in one guest. */
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { build } from "esbuild";
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

export async function runScenarios(
  names: string[],
  options: Pick<BootOptions, "timeoutMs" | "onLine"> & { onRecord?: (record: GuestRecord) => void },
): Promise<GuestRun> {
  const imports = names.map((name, at) => `import s${at} from "./scenarios/${name}.ts";`);
  const list = names.map((name, at) => `{ name: "${name}", scenario: s${at} }`);
  const call = `import { runScenarios } from "./runner/main.ts";\nawait runScenarios([${list.join(", ")}]);`;
  const program = await bundle([...imports, call].join("\n"));
  const writer = await bundle('import "./runner/writer-program.ts";');
  const { onRecord, ...boot } = options;
  return bootGuest({
    ...boot,
    program,
    files: { "writer.mjs": writer },
    onRecord: (record) => onRecord?.(record as GuestRecord),
  });
}
