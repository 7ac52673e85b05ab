import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Command, CommanderError } from "commander";
import { inquiry, type Outcome } from "../../../src/bin/commands/inquiry.ts";
import { EfsError } from "../../../src/core/errors.ts";

/** The status that a command that looks at something ends with. */
async function statusOf(args: string[], look: (what: string) => Promise<Outcome>): Promise<number> {
  const program = new Command("efs-utils").exitOverride();
  const command = program.command("look <what>").configureOutput({ writeErr: () => {}, writeOut: () => {} });
  inquiry(command, look);
  try {
    await program.parseAsync(["look", ...args], { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    if (error instanceof EfsError) return error.status;
    throw error;
  }
}

describe("a command that looks at something", () => {
  test("ends with 0 where all is well, with 1 where there is something to see to", async () => {
    assert.equal(await statusOf(["x"], async () => "healthy"), 0);
    assert.equal(await statusOf(["x"], async (what) => (what === "x" ? "findings" : "healthy")), 1);
  });

  test("ends with 2 where it could not look", async () => {
    const fails = async () => {
      throw new EfsError("permission", "only root may look");
    };
    assert.equal(await statusOf(["x"], fails), 2);
    assert.equal(
      await statusOf(["x"], async () => {
        throw new Error("a defect");
      }),
      2,
    );
  });

  test("ends with 2 where its arguments are wrong, and with 0 for --help", async () => {
    assert.equal(await statusOf([], async () => "healthy"), 2);
    assert.equal(await statusOf(["x", "--bogus"], async () => "healthy"), 2);
    assert.equal(await statusOf(["--help"], async () => "healthy"), 0);
  });
});
