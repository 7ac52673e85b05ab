import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { CHECKS } from "../../src/core/doctor/checks.ts";
import { FAILURES, failureOf } from "../../src/core/doctor/explain.ts";
import { CHECKOUT } from "../support/built.ts";

const document = readFileSync(join(CHECKOUT, "docs/runbook.md"), "utf8");

/** The headings of a chapter, in their order. */
function headings(chapter: string): string[] {
  const text = document.split(/^# /m).find((part) => part.startsWith(`${chapter}\n`)) ?? "";
  return [...text.matchAll(/^## (.*)$/gm)].map(([, heading = ""]) => heading);
}

/** The anchor that Markdown renderers make of a heading. */
const anchor = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, "")
    .replaceAll(" ", "-");

describe("docs/runbook.md", () => {
  test("has a heading for each check of the doctor, in its order, and no other", () => {
    assert.deepEqual(headings("What the doctor looks at"), Object.values(CHECKS));
  });

  test("has a heading for each failure that the doctor explains, and no other", () => {
    assert.deepEqual(
      headings("When a mount fails").sort(),
      Object.values(FAILURES)
        .map(({ heading }) => heading)
        .sort(),
    );
  });

  test("has words under each heading, and links that lead somewhere", () => {
    // a chapter may begin with the heading of its first section
    const [, ...sections] = document.split(/^## /m).map((section) => section.replace(/^# .*$/m, ""));
    for (const section of sections) {
      const [heading = "", ...lines] = section.split("\n");
      assert.notEqual(lines.join("\n").trim(), "", heading);
    }
    const anchors = [...document.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => anchor(heading));
    const links = [...document.matchAll(/\]\(#([^)]*)\)/g)].map(([, link]) => link);
    assert.ok(links.length > 10);
    for (const link of links) assert.ok(anchors.includes(link ?? ""), link);
  });

  test("quotes, below a failure, messages that the doctor takes for it", () => {
    const chapter = document.split(/^# When a mount fails$/m)[1]?.split(/^# /m)[0] ?? "";
    for (const section of chapter.split(/^## /m).slice(1)) {
      const heading = section.slice(0, section.indexOf("\n"));
      const quotes = [...(/^\*(.*)\*$/m.exec(section)?.[1] ?? "").matchAll(/`([^`]+)`/g)];
      assert.ok(quotes.length > 0, heading);
      for (const [, quote = ""] of quotes) {
        const failure = failureOf(quote);
        assert.equal(failure === undefined ? undefined : FAILURES[failure].heading, heading, quote);
      }
    }
  });
});
