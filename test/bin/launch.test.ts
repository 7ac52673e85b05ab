import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { STAMP_LENGTH } from "../../src/bin/launch.ts";
import { buildInto, temporaryDirectory } from "../support/built.ts";

describe("launch", () => {
  const place = temporaryDirectory();
  const program = join(place.path, "program.cjs");
  const cache = join(place.path, "program.cache");

  /** A program that prints `word`; the stamp is the first line, as the build makes it. */
  const source = (word: string, stamp: string) =>
    `// ${stamp.repeat(STAMP_LENGTH).slice(0, STAMP_LENGTH - 4)}\nprocess.stdout.write("${word}");\n`;

  /** The program's cache as the build makes it; `text` is what is compiled. */
  const writeCache = (text: string) => {
    const compiled = join(place.path, "compiled.cjs");
    writeFileSync(compiled, text);
    execFileSync(process.execPath, [join(place.path, "code-cache.cjs"), compiled, program, cache]);
  };

  const launched = (...nodeOptions: string[]) => {
    const script = `require(${JSON.stringify(join(place.path, "launch.cjs"))}).launch("program")`;
    return execFileSync(process.execPath, [...nodeOptions, "-e", script], { encoding: "utf8" });
  };

  before(() => buildInto(place.path));
  after(() => place.remove());
  beforeEach(() => {
    rmSync(cache, { force: true });
    writeFileSync(program, source("program", "a"));
  });

  test("runs the program where there is no cache", () => {
    assert.equal(launched(), "program");
  });

  test("runs what is in the cache where it was made from this build", () => {
    // as long as the program and with its stamp, so that nobody can tell: what runs shows what was read
    writeCache(source("CACHED!", "a"));
    assert.equal(launched(), "CACHED!");
  });

  test("leaves a cache of another build alone, even if the program is as long", () => {
    writeCache(source("CACHED!", "b"));
    assert.equal(launched(), "program");
  });

  test("leaves a cache of other V8 flags alone, as of another node", () => {
    writeCache(source("CACHED!", "a"));
    assert.equal(launched("--stack-size=500"), "program");
  });

  test("leaves what is no cache alone", () => {
    for (const rubbish of ["", "x", "x".repeat(10_000)]) {
      writeFileSync(cache, readFileSync(program, "latin1").slice(0, STAMP_LENGTH) + rubbish);
      assert.equal(launched(), "program");
    }
  });

  test("gives the program what a CommonJS module has", () => {
    writeFileSync(
      program,
      `module.exports = this;
       const fits = this === exports && require("node:path").basename(__filename) === "program.cjs" &&
         __dirname === ${JSON.stringify(place.path)} && typeof require("./launch.cjs").launch === "function";
       process.stdout.write(String(fits));`,
    );
    assert.equal(launched(), "true");
  });

  test("names the installed file in the stacks of a program with a cache", () => {
    const text = `// ${"c".repeat(STAMP_LENGTH - 4)}\nprocess.stdout.write(new Error("x").stack);\n`;
    writeFileSync(program, text);
    writeCache(text);
    assert.match(launched(), new RegExp(`^ +at .*${program}:2:`, "m"));
  });
});
