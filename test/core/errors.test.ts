import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { asEfsError, EfsError, type ErrorKind, oneLine } from "../../src/core/errors.ts";
import { asPort, parseAccessPointId, parseFileSystemId, parsePort, parseRegion } from "../../src/core/ids.ts";
import { LOG_LEVELS, logLine } from "../../src/core/log-line.ts";
import { hasControlCharacter, printable, quoted } from "../../src/core/text.ts";
import { anyText } from "../support/any-text.ts";

const STATUS: Record<ErrorKind, number> = {
  usage: 1,
  config: 1,
  permission: 1,
  system: 2,
  bug: 4,
  interrupted: 8,
  mount: 32,
};
for (const [kind, status] of Object.entries(STATUS) as [ErrorKind, number][]) {
  test(`an error of kind ${kind} ends with status ${status}`, () => {
    assert.equal(new EfsError(kind, "x").status, status);
  });
}

test("the status of a program that failed is passed on", () => {
  assert.equal(new EfsError("mount", "x", { status: 16 }).status, 16);
});

test("an error in other words keeps its kind, remedy, cause and status", () => {
  const cause = new Error("x");
  const error = new EfsError("mount", "it failed", { hint: "do that", cause, status: 16 });
  const { kind, message, hint, status, cause: kept } = error.reworded(`there, ${error.message}`);
  assert.deepEqual([kind, message, hint, status, kept], ["mount", "there, it failed", "do that", 16, cause]);
  assert.equal(error.reworded("x", 2).status, 2);
});

test("what is no error of ours is a bug, with its cause", () => {
  const cause = new TypeError("x is not a function");
  const error = asEfsError(cause);
  assert.deepEqual([error.kind, error.status, error.cause], ["bug", 4, cause]);
  assert.match(oneLine(error), /^internal error: x is not a function; .*report/);
  for (const thrown of [undefined, null, 7, "text", {}]) assert.equal(asEfsError(thrown).kind, "bug");
  assert.equal(asEfsError(error), error);
});

test("an error's line is what is wrong and then what to do", () => {
  assert.equal(
    oneLine(new EfsError("usage", "this is wrong", { hint: "do that" })),
    "this is wrong; do that",
  );
  assert.equal(oneLine(new EfsError("usage", "this is wrong")), "this is wrong");
  assert.equal(oneLine(new EfsError("mount", "one\n  two\r\nthree\n")), "one two three");
});

test("whatever an error says, its line is one and shows control characters without sending them", () => {
  fc.assert(
    fc.property(anyText(), anyText(), (message, hint) => {
      assert.doesNotMatch(oneLine(new EfsError("mount", message, { hint })), /\p{Cc}/u);
      assert.doesNotMatch(oneLine(asEfsError(new Error(`${message}\u001b[31m`))), /\p{Cc}/u);
    }),
  );
});

test("control characters are found and shown, and nothing else is changed", () => {
  assert.equal(printable("a\nb\u001b[31mc\u0085d\u007f"), "a\\x0ab\\x1b[31mc\\x85d\\x7f");
  fc.assert(
    fc.property(anyText(), (text) => {
      assert.equal(hasControlCharacter(text), /\p{Cc}/u.test(text));
      assert.equal(hasControlCharacter(printable(text)), false);
      if (!hasControlCharacter(text)) assert.equal(printable(text), text);
    }),
  );
});

test("a text in quotes has a readable length", () => {
  assert.equal(quoted("a b"), '"a b"');
  assert.equal(quoted("x".repeat(10_000)).length, 205);
});

test("ids are what they must be, and nothing around them", () => {
  assert.equal(parseFileSystemId("fs-0123456789abcdef0"), "fs-0123456789abcdef0");
  assert.equal(parseAccessPointId("fsap-0123456789abcdef0"), "fsap-0123456789abcdef0");
  for (const text of ["", "fs-", "fs-G", "FS-1", "xfs-1", "fs-1\n", "\nfs-1", "fs-1 "]) {
    assert.equal(parseFileSystemId(text), undefined, JSON.stringify(text));
  }
  for (const text of [
    "fsap-",
    "fsap-0123456789abcdef",
    "fsap-0123456789abcdef01",
    "fsap-0123456789abcdefg",
  ]) {
    assert.equal(parseAccessPointId(text), undefined, text);
  }
  for (const text of ["us-east-1", "us-gov-west-1", "eusc-de-east-1"]) assert.equal(parseRegion(text), text);
  for (const text of ["", "us", "us-", "-us", "us--east", "us-east-1\n", "us.east", `us-${"a".repeat(61)}`]) {
    assert.equal(parseRegion(text), undefined, JSON.stringify(text));
  }
});

test("a port is a whole number from 1 to 65535", () => {
  for (const text of ["1", "2049", "65535", "00001"]) assert.equal(parsePort(text), Number(text));
  for (const text of ["", "0", "65536", "-1", "1.5", "1e3", "0x1", " 1", "1\n", "٣", "100000"]) {
    assert.equal(parsePort(text), undefined, JSON.stringify(text));
  }
  for (const value of [0, -1, 1.5, 65_536, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.equal(asPort(value), undefined);
  }
});

test("a line of the log has time, zone, level and message", () => {
  const time = new Date(2026, 0, 2, 3, 4, 5);
  for (const level of LOG_LEVELS) {
    const line = logLine(time, level, "it is done");
    assert.match(line, new RegExp(`^2026-01-02 03:04:05 (UTC|[+-]\\d{4}) - ${level} - it is done\\n$`));
  }
});

test("a line of the log is one, whatever its message is", () => {
  assert.match(logLine(new Date(), "ERROR", "a\nb\r\n c"), / - ERROR - a \| b \| c\n$/);
  fc.assert(
    fc.property(anyText(), (message) => {
      assert.match(logLine(new Date(), "INFO", message), /^[^\r\n]*\n$/);
    }),
  );
});
