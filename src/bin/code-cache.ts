import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { setFlagsFromString } from "node:v8";
import { compile, run, STAMP_LENGTH } from "./launch.ts";

/**
 * `node code-cache.cjs PROGRAM FILENAME CACHE`: runs the built PROGRAM as `PROGRAM --version` and writes what
 * V8 compiled meanwhile to CACHE, for this very node. FILENAME is where the program will be run from.
 */
const [program = "", filename = program, cache = ""] = process.argv.splice(2);
process.argv.splice(1, 1, basename(program, ".cjs"), "--version");

setFlagsFromString("--no-flush-bytecode");
const source = readFileSync(program, "latin1");
const script = compile(source, filename);
process.once("exit", () => {
  setFlagsFromString("--flush-bytecode");
  const temporary = `${cache}.${process.pid}.tmp`;
  writeFileSync(temporary, source.slice(0, STAMP_LENGTH), { encoding: "latin1", mode: 0o644 });
  writeFileSync(temporary, script.createCachedData(), { flag: "a" });
  renameSync(temporary, cache);
});
run(script, program);
