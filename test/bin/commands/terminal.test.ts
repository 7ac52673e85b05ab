import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import stringWidth from "string-width";
import { buildInto, temporaryDirectory } from "../../support/built.ts";

const LIMIT_MS = 60_000;

/** The built program on a terminal of its own (script(1)). */
describe("efs-utils on a terminal", { concurrency: 3 }, () => {
  const place = temporaryDirectory();
  before(() => buildInto(place.path));
  after(() => place.remove());

  /** Starts it where it has so many columns; what it writes comes as it would be sent to the terminal. */
  function start(columns: number, args: string, environment: Record<string, string> = {}) {
    const program = `"${process.execPath}" "${join(place.path, "efs-utils.cjs")}"`;
    const child = spawn(
      "script",
      ["-q", "-e", "-c", `stty cols ${columns} rows 40; exec ${program} ${args}`, "/dev/null"],
      {
        env: {
          PATH: "/usr/bin:/bin",
          TERM: "xterm-256color",
          AWS_EC2_METADATA_DISABLED: "true",
          ...environment,
        },
        stdio: ["pipe", "pipe", "inherit"],
        timeout: LIMIT_MS,
      },
    );
    return child;
  }

  async function shown(
    columns: number,
    args: string,
    environment: Record<string, string> = {},
  ): Promise<string> {
    const child = start(columns, args, environment);
    child.stdin.end();
    return text(child.stdout);
  }

  for (const columns of [80, 200]) {
    test(`no line of the doctor's is wider than its ${columns} columns, and each check replaces its announcement`, async () => {
      const output = await shown(columns, "doctor");
      const lines = output.split("\r\n");
      for (const line of lines) {
        // what was announced is cleared before anything else is written there
        const parts = line.split("\r\x1b[K").map(stripVTControlCharacters);
        for (const part of parts) assert.ok(stringWidth(part) <= columns, part);
      }
      const last = (title: string) =>
        lines.map((line) => line.split("\x1b[K").at(-1) ?? "").filter((line) => line.includes(title));
      assert.ok(last("mount.nfs4").length > 0);
      assert.equal(last(" ...").length, 0, "an announcement stayed");
      assert.match(output, /\x1b\[3[123]m/, "it has colours");
      assert.match(stripVTControlCharacters(output), /What to do about each is in|Nothing is wrong/);
    });
  }

  test("NO_COLOR and a dumb terminal have no colours, whatever else they have", async () => {
    for (const environment of [{ NO_COLOR: "1" }, { TERM: "dumb" }]) {
      assert.doesNotMatch(await shown(80, "doctor", environment), /\x1b\[[0-9;]*m/);
    }
  });

  test("status --watch draws again and again in place, and Ctrl-C leaves the terminal as it was", async () => {
    const child = start(80, "status --watch --interval 0.1");
    let output = "";
    child.stdout.setEncoding("utf8");
    for await (const part of child.stdout) {
      output += part;
      if (output.split("\x1b[H").length > 3 && !child.stdin.writableEnded) child.stdin.end("\x03");
    }
    if (child.exitCode === null) await once(child, "exit");
    assert.ok(output.startsWith("\x1b[?1049h\x1b[?25l"), JSON.stringify(output.slice(0, 40)));
    assert.ok(output.trimEnd().endsWith("\x1b[?25h\x1b[?1049l"), JSON.stringify(output.slice(-60)));
    assert.match(stripVTControlCharacters(output), /UTC, every 0\.1 s; Ctrl-C ends/);
    assert.equal(child.exitCode, 0);
  });
});
