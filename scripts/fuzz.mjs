#!/usr/bin/env node
// Runs the parsers of outside input on random inputs, guided by the code that they reach (test/fuzz):
// `npm run fuzz -- [TARGET...] [--seconds=N] [--inputs=N] [--seed=N]`. Without a limit it takes 30 seconds a target.

import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { build, transform } from "esbuild";
import { createInstrumenter } from "istanbul-lib-instrument";

const ROOT = path.join(import.meta.dirname, "..");
const CACHE = path.join(ROOT, "node_modules/.cache");
const SOURCES = path.join(ROOT, "src/");

/** Product code counts what runs; other files keep finding what is beside them. */
const counted = {
  name: "counted",
  setup(bundler) {
    const instrumenter = createInstrumenter({ esModules: true });
    bundler.onLoad({ filter: /\.ts$/ }, async ({ path: file }) => {
      const text = await fs.promises.readFile(file, "utf8");
      if (!file.startsWith(SOURCES)) {
        const directory = JSON.stringify(path.dirname(file));
        return { contents: text.replaceAll("import.meta.dirname", directory), loader: "ts" };
      }
      const { code } = await transform(text, { loader: "ts", target: "node20.19" });
      return { contents: instrumenter.instrumentSync(code, file), loader: "js" };
    });
  },
};

fs.mkdirSync(CACHE, { recursive: true });
const directory = fs.mkdtempSync(path.join(CACHE, "fuzz-"));
process.on("exit", () => fs.rmSync(directory, { recursive: true }));
const program = path.join(directory, "main.mjs");
await build({
  absWorkingDir: ROOT,
  entryPoints: ["test/fuzz/main.ts"],
  outfile: program,
  bundle: true,
  platform: "node",
  target: "node20.19",
  format: "esm",
  banner: {
    js: 'import { createRequire as ownRequire } from "node:module"; const require = ownRequire(import.meta.url);',
  },
  plugins: [counted],
  logLevel: "warning",
});
const running = spawn(process.execPath, [program, ...process.argv.slice(2)], { stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => running.kill(signal));
const [status] = await once(running, "exit");
process.exitCode = status ?? 1;
