#!/usr/bin/env node
// Runs the unit tests: every test/**/*.test.ts but those in guest/, faults/ and packages/. Arguments that begin with - go to
// node's test runner, others pick the files whose path holds one of them: `npm run unit -- core/config`.

import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

const ROOT = path.join(import.meta.dirname, "..");

const args = process.argv.slice(2);
const options = args.filter((argument) => argument.startsWith("-"));
const picked = args.filter((argument) => !argument.startsWith("-"));
const files = fs
  .readdirSync(path.join(ROOT, "test"), { recursive: true })
  .filter((file) => file.endsWith(".test.ts") && !/^(guest|faults|packages)\//.test(file))
  .filter((file) => picked.length === 0 || picked.some((part) => `test/${file}`.includes(part)))
  .map((file) => path.join("test", file))
  .sort();
if (files.length === 0) {
  console.error(`no test file matches ${picked.join(", ")}`);
  process.exit(1);
}
// node 20's runner takes no patterns, hence the list
const runner = ["--import", "tsx", "--test", "--test-concurrency=3", ...options, ...files];
const { status } = spawnSync(process.execPath, runner, { cwd: ROOT, stdio: "inherit" });
process.exitCode = status ?? 1;
