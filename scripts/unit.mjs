#!/usr/bin/env node
// Runs the unit tests: every test/**/*.test.ts but those in guest/, faults/, packages/, parsers/, stunnels/ and systems/. Arguments
// that begin with - go to node's test runner, others pick the files whose path holds one of them: `npm run unit -- core/config`.
//
// The files are compiled once, all together: a loader in each of their processes would cost more than most of the tests. The
// programs are built once, too, where a file needs them: EFS_TEST_BUILT says where they are.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";

const ROOT = path.join(import.meta.dirname, "..");
/** Where it finds the packages that are not compiled in. */
const CACHE = path.join(ROOT, "node_modules/.cache");
/** More than there are processors: many tests wait for processes. */
const CONCURRENCY = 4;

const args = process.argv.slice(2);
const options = args.filter((argument) => argument.startsWith("-"));
const picked = args.filter((argument) => !argument.startsWith("-"));
const files = fs
  .readdirSync(path.join(ROOT, "test"), { recursive: true })
  .filter(
    (file) => file.endsWith(".test.ts") && !/^(guest|faults|packages|parsers|stunnels|systems)\//.test(file),
  )
  .filter((file) => picked.length === 0 || picked.some((part) => `test/${file}`.includes(part)))
  .map((file) => path.join("test", file))
  .sort();
if (files.length === 0) {
  console.error(`no test file matches ${picked.join(", ")}`);
  process.exit(1);
}

/** Sources go on finding what is beside them, wherever they are compiled to. */
const inPlace = {
  name: "in-place",
  setup(bundler) {
    bundler.onLoad({ filter: /\.ts$/ }, async ({ path: file }) => {
      const text = await fs.promises.readFile(file, "utf8");
      const contents = text
        .replaceAll("import.meta.url", JSON.stringify(pathToFileURL(file).href))
        .replaceAll("import.meta.dirname", JSON.stringify(path.dirname(file)));
      return { contents, loader: "ts" };
    });
  },
};

/** Compiles the test files into a directory; resolves with what went in. */
async function compile(directory) {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: files,
    outbase: ROOT,
    outdir: directory,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    platform: "node",
    target: "node20.19",
    format: "esm",
    // these look for files of their own
    external: ["esbuild", "@cyclonedx/*"],
    // for packages that are CommonJS
    banner: {
      js: 'import { createRequire as ownRequire } from "node:module"; const require = ownRequire(import.meta.url);',
    },
    sourcemap: true,
    sourcesContent: false,
    metafile: true,
    plugins: [inPlace],
    logLevel: "warning",
  });
  return Object.keys(metafile.inputs);
}

/** Builds the programs into a directory; resolves with the environment of tests that find them there. */
async function buildPrograms(directory) {
  await promisify(execFile)(process.execPath, [path.join(ROOT, "scripts/build.mjs"), directory]);
  return { ...process.env, EFS_TEST_BUILT: directory };
}

/** Resolves with the runner's status. */
async function run(directory) {
  const sources = await compile(directory);
  const needsPrograms = sources.includes("test/support/built.ts");
  const env = needsPrograms ? await buildPrograms(path.join(directory, "dist")) : process.env;
  const programs = files.map((file) => path.join(directory, file.replace(/ts$/, "mjs")));
  // node 20's runner takes no patterns, hence the list
  const runner = ["--enable-source-maps", "--test", `--test-concurrency=${CONCURRENCY}`, ...options];
  running = spawn(process.execPath, [...runner, ...programs], { cwd: ROOT, env, stdio: "inherit" });
  const [status] = await once(running, "exit");
  return status ?? 1;
}

fs.mkdirSync(CACHE, { recursive: true });
const directory = fs.mkdtempSync(path.join(CACHE, "unit-"));
process.on("exit", () => fs.rmSync(directory, { recursive: true }));
let running;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => (running === undefined ? process.exit(1) : running.kill(signal)));
}
process.exitCode = await run(directory);
