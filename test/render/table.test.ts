import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import fc from "fast-check";
import stringWidth from "string-width";
import { paintFor } from "../../src/render/paint.ts";
import { hanging, table, wrap } from "../../src/render/table.ts";

const plain = paintFor(false);
const coloured = paintFor(true);
const ENDLESS = Number.POSITIVE_INFINITY;
const COLUMNS = [{ title: "MOUNT POINT" }, { title: "READ", right: true }, { title: "NOTE" }];

describe("a table", () => {
  test("has each column as wide as its widest cell, figures at the right, and no blanks at the ends", () => {
    const rows = [
      ["/mnt/efs", "12 MiB", ""],
      ["/a", "1 KiB", "slow"],
    ];
    assert.deepEqual(table(COLUMNS, rows, { width: ENDLESS, paint: plain }), [
      "MOUNT POINT    READ  NOTE",
      "/mnt/efs     12 MiB",
      "/a            1 KiB  slow",
    ]);
  });

  test("wraps the widest column where the terminal is too narrow", () => {
    const rows = [["/mnt/efs", "1", "the responder gave no answer"]];
    assert.deepEqual(table(COLUMNS, rows, { width: 36, paint: plain }), [
      "MOUNT POINT  READ  NOTE",
      "/mnt/efs        1  the responder",
      "                   gave no answer",
    ]);
  });

  test("is laid out by what is seen: wide characters count twice, colours not at all", () => {
    const rows = [
      ["/数据", coloured("bad", "1"), "x"],
      ["/mnt/efs-1234", "22", "y"],
    ];
    const lines = table(COLUMNS, rows, { width: ENDLESS, paint: coloured }).map(stripVTControlCharacters);
    const places = lines.slice(1).map((line) => stringWidth(line));
    assert.equal(places[0], places[1]);
  });

  test("is no wider than the terminal, whatever is in it, and loses nothing", () => {
    const word = fc.stringMatching(/^[a-zé数-]{0,30}$/);
    const rows = fc.array(fc.tuple(word, word, word), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(rows, fc.integer({ min: 40, max: 120 }), fc.boolean(), (cells, width, colours) => {
        const lines = table(COLUMNS, cells, { width, paint: paintFor(colours) });
        for (const line of lines) assert.ok(stringWidth(line) <= width, line);
        const shown = (text: string) =>
          [...text]
            .filter((character) => character !== " ")
            .sort()
            .join("");
        const titles = COLUMNS.map(({ title }) => title);
        assert.equal(
          shown(lines.map(stripVTControlCharacters).join("")),
          shown([...titles, ...cells.flat()].join("")),
        );
      }),
    );
  });
});

test("a text is wrapped between words, and within a word that is longer than a line", () => {
  assert.deepEqual(wrap("one two three", 8), ["one two", "three"]);
  assert.deepEqual(wrap("one/two/three", 8), ["one/two/", "three"]);
  assert.deepEqual(wrap("one two", ENDLESS), ["one two"]);
});

test("a title's text hangs beside it", () => {
  assert.deepEqual(hanging("tunnel", "stunnel 866, for 3 hours", 8, 22), [
    "tunnel  stunnel 866,",
    "        for 3 hours",
  ]);
});
