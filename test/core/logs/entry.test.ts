import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { LOG_LEVELS, logLine } from "../../../src/core/log-line.ts";
import { parseLog, parseLogLine, parseTunnelLine } from "../../../src/core/logs/entry.ts";
import { jsonLine } from "../../../src/system/json-line.ts";

const message = fc.string().map((text) => text.replaceAll(/[\r\n]/g, ""));
const time = fc.date({ min: new Date("2000-01-01"), max: new Date("2099-12-31"), noInvalidDate: true });
const level = fc.constantFrom(...LOG_LEVELS);

describe("a line of a log", () => {
  test("is read back as it was written, to the second, as text", () => {
    fc.assert(
      fc.property(time, level, message, (at, name, said) => {
        const entry = parseLogLine(logLine(at, name, said).slice(0, -1));
        assert.deepEqual(entry, { time: Math.floor(at.getTime() / 1000) * 1000, level: name, message: said });
      }),
    );
  });

  test("is read back as it was written, to the millisecond, as JSON", async () => {
    const format = await jsonLine();
    fc.assert(
      fc.property(time, level, message, (at, name, said) => {
        const entry = parseLogLine(format(at, name, said).slice(0, -1));
        assert.deepEqual(entry, { time: at.getTime(), level: name, message: said });
      }),
    );
  });

  test("has the offset that is its zone", () => {
    const noon = Date.UTC(2026, 10, 24, 12);
    for (const [hour, zone] of [
      ["12:00:00", "UTC"],
      ["13:30:00", "+0130"],
      ["04:00:00", "-0800"],
    ])
      assert.equal(parseLogLine(`2026-11-24 ${hour} ${zone} - INFO - x`)?.time, noon, zone);
  });

  test("that is none, is none", () => {
    for (const line of [
      "",
      "2026-11-24",
      "2026-13-44 25:00:00 UTC - INFO - x",
      "{",
      '{"time":"x"}',
      "a - INFO - b",
    ])
      assert.equal(parseLogLine(line), undefined, line);
    fc.assert(fc.property(fc.string(), (line) => parseLogLine(line) === undefined || line.length > 10));
    const object = fc.json().map((json) => `{"time":1e99,"level":30,"msg":${json}}`);
    fc.assert(fc.property(object, (line) => parseLogLine(line) === undefined));
  });
});

describe("a tunnel's log", () => {
  test("has stunnel's lines in local time, and the keeper's at the time before", () => {
    const at = new Date(2026, 10, 24, 18, 29, 34).getTime();
    const text = [
      "keeper: nobody knows when",
      "2026.11.24 18:29:34 LOG5[ui]: stunnel 5.68 on x86_64-pc-linux-gnu platform",
      "2026.11.24 18:29:34 LOG3[0]: s_connect: connect 10.0.0.1:2049: Connection refused (111)",
      "keeper: stunnel ended with status 137, next one in 0 s",
      "no line of anybody's",
    ].join("\n");
    assert.deepEqual(parseLog(text, "tunnel"), [
      { time: at, level: "INFO", message: "stunnel 5.68 on x86_64-pc-linux-gnu platform" },
      { time: at, level: "ERROR", message: "s_connect: connect 10.0.0.1:2049: Connection refused (111)" },
      { time: at, level: "INFO", message: "stunnel ended with status 137, next one in 0 s" },
    ]);
  });

  test("whatever it says, its entries have a time", () => {
    const line = fc.oneof(
      fc.string(),
      fc.string().map((text) => `2026.99.99 18:29:34 LOG5[0]: ${text}`),
    );
    fc.assert(fc.property(line, (text) => !Number.isNaN(parseTunnelLine(text, undefined)?.time)));
  });
});
