#!/usr/bin/env node
// `npm run soak -- [--minutes N] [--seed S]`: mounts, unmounts and kills at random while a watchdog watches and
// every mount is written through. The same seed gives the same order of events. The exit status is 0 only where
// all that was written is there and no process, port or file is left over.

import { parseArgs } from "node:util";
import { register } from "tsx/esm/api";

const MOST_MINUTES = 30;

const { values } = parseArgs({ options: { minutes: { type: "string" }, seed: { type: "string" } } });
const minutes = Number(values.minutes ?? 2);
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 32));
if (!(minutes > 0 && minutes <= MOST_MINUTES) || !Number.isInteger(seed)) {
  console.error(`usage: soak [--minutes N] [--seed S], where N is at most ${MOST_MINUTES} and S an integer`);
  process.exit(2);
}
console.log(`seed ${seed}, ${minutes} minutes`);
register();
const { runSoak } = await import("../test/faults/run-soak.ts");
try {
  process.exitCode = (await runSoak({ seed, minutes, print: (line) => console.log(line) })) ? 0 : 1;
} catch (error) {
  console.error(`seed ${seed}: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
