import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { bashCompletion } from "../../src/render/bash-completion.ts";
import { buildInto, temporaryDirectory } from "../support/built.ts";

/** Sources $1 and says what the words behind it complete to, the last of them being the one at the cursor. */
const COMPLETE = `
source "$1"; shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
set -- $(complete -p "\${COMP_WORDS[0]}")
while [ "$1" != -F ]; do shift; done
"$2"
printf '%s\\n' "\${COMPREPLY[@]}"`;

function complete(script: string, ...words: string[]): string[] {
  const output = execFileSync("bash", ["--norc", "-euc", COMPLETE, "bash", script, ...words], {
    encoding: "utf8",
  });
  return output.split("\n").filter((line) => line !== "");
}

describe("completion of efs-utils in bash", () => {
  const place = temporaryDirectory();
  const script = join(place.path, "efs-utils.bash");
  before(() => buildInto(place.path));
  after(() => place.remove());

  /** The commands and the options that a command's help tells. */
  function told(...path: string[]) {
    const program = join(place.path, "efs-utils.cjs");
    const help = execFileSync(process.execPath, [program, ...path, "--help"], { encoding: "utf8" });
    const commands = help.split(/^Commands:$/m)[1] ?? "";
    return {
      commands: [...commands.matchAll(/^ {2}([a-z-]+)/gm)].map(([, name = ""]) => name),
      options: [...help.matchAll(/(?<=^ {2}(?:-\w, )?)--[a-z-]+/gm)].map(([name]) => name),
    };
  }

  test("offers every command and option that the help tells, at every depth", () => {
    const check = (...path: string[]) => {
      const { commands, options } = told(...path);
      const offered = complete(script, "efs-utils", ...path, "");
      for (const word of [...commands, ...options]) {
        assert.ok(offered.includes(word), `${path.join(" ")} ${word}`);
      }
      for (const name of commands.filter((command) => command !== "help")) check(...path, name);
    };
    assert.ok(told().commands.includes("install"));
    check();
  });

  test("offers what begins with the word at the cursor", () => {
    assert.deepEqual(complete(script, "efs-utils", "inst"), ["install"]);
    assert.deepEqual(complete(script, "efs-utils", "uninstall", "--p"), ["--purge"]);
    assert.deepEqual(complete(script, "efs-utils", "install", "--root", "/x", "--n"), ["--node"]);
  });

  test("leaves a value of any kind to bash, which completes file names", () => {
    assert.deepEqual(complete(script, "efs-utils", "install", "--root", ""), []);
  });
});

test("a completion script offers an option's values where they are known", () => {
  const option = { names: ["-c", "--color"], takesValue: true, values: ["always", "never"] };
  const paint = { name: "paint", options: [option], commands: [] };
  const place = temporaryDirectory();
  try {
    const script = join(place.path, "script");
    const text = bashCompletion({ name: "my-tool", options: [], commands: [paint] });
    execFileSync("tee", [script], { input: text });
    assert.deepEqual(complete(script, "my-tool", "paint", "-c", "a"), ["always"]);
    assert.deepEqual(complete(script, "my-tool", "paint", ""), ["-c", "--color"]);
  } finally {
    place.remove();
  }
});

test("a word that bash would read as more than a word is no part of a completion script", () => {
  for (const name of ["$(id)", "a b", 'a"', ""]) {
    assert.throws(
      () => bashCompletion({ name: "x", options: [], commands: [{ name, options: [], commands: [] }] }),
      /cannot be completed/,
    );
  }
});
