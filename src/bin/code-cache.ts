import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { compile, STAMP_LENGTH } from "./launch.ts";

/**
 * `node code-cache.cjs PROGRAM FILENAME CACHE` compiles the built PROGRAM, every function of it, and writes
 * what V8 made of it to CACHE, for this very node. FILENAME is where the program will be run from. Compiling
 * all is worth 4 ms a mount over what a run of `--version` happens to compile, and needs no run.
 */
const [program = "", filename = "", cache = ""] = process.argv.slice(2);
const source = readFileSync(program, "latin1");

// V8 takes a cache only under the flags that it was made with: the default is back before it is made
setFlagsFromString("--no-lazy");
const script = compile(source, filename);
setFlagsFromString("--lazy");

const temporary = `${cache}.${process.pid}.tmp`;
writeFileSync(temporary, source.slice(0, STAMP_LENGTH), { encoding: "latin1", mode: 0o644 });
writeFileSync(temporary, script.createCachedData(), { flag: "a" });
renameSync(temporary, cache);
