import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { corpus } from "./corpus.ts";
import { Coverage } from "./coverage.ts";
import { type Failure, fuzz, type Target } from "./fuzzer.ts";
import { TARGETS } from "./targets.ts";

/** Where long runs keep the inputs that reach new code, to go on from. */
const PROGRESS = path.join(import.meta.dirname, "../../node_modules/.cache/fuzz");

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    inputs: { type: "string", default: "Infinity" },
    seconds: { type: "string", default: "Infinity" },
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
    /** Whether failing inputs become cases, and progress is kept. */
    save: { type: "boolean", default: false },
  },
});
const given = values.inputs !== "Infinity" || values.seconds !== "Infinity";
const plan = {
  seed: Number(values.seed),
  inputs: Number(values.inputs),
  seconds: given ? Number(values.seconds) : 30,
};

const picked = TARGETS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
if (picked.length === 0) {
  console.error(`no such target; there are ${TARGETS.map(({ name }) => name).join(", ")}`);
  process.exitCode = 1;
}

const { __coverage__: counters = {} } = globalThis as {
  __coverage__?: ConstructorParameters<typeof Coverage>[0];
};
let total = 0;
for (const target of picked) {
  const coverage = new Coverage(counters);
  const known = [...corpus(target.name), ...(values.save ? inputsIn(progressOf(target)) : [])];
  const { tried, kept, failure } = fuzz(target, known, coverage, plan);
  total += tried;
  console.log(
    `${target.name}: ${tried} inputs tried, ${kept.length} kept, ${coverage.reached} places reached`,
  );
  if (values.save) for (const input of kept) save(progressOf(target), input);
  if (failure !== undefined) tell(target, failure);
}
console.log(`${total} inputs tried in all, seed ${plan.seed}`);

function tell({ name }: Target, { input, error }: Failure): void {
  process.exitCode = 1;
  const shown = JSON.stringify(input.toString("latin1").slice(0, 300));
  console.log(
    `${name} FAILS on ${shown} (${input.length} bytes, latin1)\n${error instanceof Error ? error.stack : error}`,
  );
  if (values.save) console.log(`kept as ${save(path.join(import.meta.dirname, "corpus", name), input)}`);
}

function progressOf({ name }: Target): string {
  return path.join(PROGRESS, name);
}

function inputsIn(directory: string): Buffer[] {
  if (!fs.existsSync(directory)) return [];
  return fs.readdirSync(directory).map((file) => fs.readFileSync(path.join(directory, file)));
}

function save(directory: string, input: Buffer): string {
  fs.mkdirSync(directory, { recursive: true });
  const file = path.join(directory, createHash("sha256").update(input).digest("hex").slice(0, 12));
  fs.writeFileSync(file, input);
  return file;
}
