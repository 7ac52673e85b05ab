import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Command } from "commander";
import { efsUtils } from "../../src/bin/commands/program.ts";
import { calledInPage, shownInPage } from "./encryption-page.ts";

/** The command that words call, and the words that are left for it. */
function find(command: Command, words: readonly string[]): { command: Command; rest: readonly string[] } {
  const [word, ...rest] = words;
  const next = command.commands.find((each) => each.name() === word);
  return next === undefined ? { command, rest: words } : find(next, rest);
}

describe("docs/encryption.md", () => {
  test("shows what each command prints that looks at something, or makes it", () => {
    const shown = new Set(shownInPage().map(({ args }) => find(efsUtils("/none"), args).command.name()));
    assert.deepEqual([...shown].sort(), ["audit", "create-file-system", "status"]);
  });

  for (const words of calledInPage()) {
    test(`calls a command that there is, with options that it has: ${words.join(" ")}`, () => {
      const { command, rest } = find(efsUtils("/none"), words);
      assert.equal(command.commands.length, 0, `${words.join(" ")} is no command`);
      for (const option of rest.filter((word) => word.startsWith("--")))
        assert.ok(
          command.options.some(({ long }) => long === option),
          `${command.name()} has no ${option}`,
        );
    });
  }

  test("names every template", () => {
    const templates = find(efsUtils("/none"), ["encryption", "enforce"]).command.options[0]?.argChoices ?? [];
    const text = calledInPage().flat().join(" ");
    assert.ok(templates.length > 3);
    for (const name of templates) assert.ok(text.includes(name), name);
  });
});
