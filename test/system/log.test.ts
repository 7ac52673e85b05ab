import assert from "node:assert/strict";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import type { LineFormat } from "../../src/core/log-line.ts";
import { type LogFileSettings, lineFormat, openLog } from "../../src/system/log.ts";
import { anyText } from "../support/any-text.ts";
import { temporaryDirectory } from "../support/authority.ts";
import { buildChild, startChild } from "../support/children.ts";

const child = buildChild({ after });
const UNLIMITED: LogFileSettings = { level: "INFO", maxBytes: 0, fileCount: 10 };
const LINE =
  /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (UTC|[+-]\d{4}) - (DEBUG|INFO|WARNING|ERROR|CRITICAL) - [^\p{Cc}]*$/u;

/** The lines of a log and of the files set aside, oldest first. */
function linesOf(path: string): string[] {
  const names = readdirSync(dirname(path)).filter((name) => /^mount\.log(\.\d+)?$/.test(name));
  const number = (name: string) => Number(name.split(".")[2] ?? 0);
  const texts = names
    .sort((one, other) => number(other) - number(one))
    .map((name) => readFileSync(join(dirname(path), name), "utf8"));
  const lines = texts.join("").split("\n");
  assert.equal(lines.pop(), "", "the last line has no end");
  return lines;
}

const logIn = (directory: string) => join(directory, "mount.log");
const messages = (path: string) => linesOf(path).map((line) => line.replace(/^.*? - [A-Z]+ - /, ""));

test("each event is one line with time, level and message", (t) => {
  const path = logIn(temporaryDirectory(t, "log"));
  const log = openLog(path, { ...UNLIMITED, level: "DEBUG" });
  log.debug("one");
  log.info("two");
  log.warning("three");
  log.error("four");
  log.critical("größe");
  const lines = linesOf(path);
  for (const line of lines) assert.match(line, LINE);
  assert.deepEqual(
    lines.map((line) => line.replace(/^.*? - /, "")),
    ["DEBUG - one", "INFO - two", "WARNING - three", "ERROR - four", "CRITICAL - größe"],
  );
});

test("what is less serious than the level is not written", (t) => {
  const path = logIn(temporaryDirectory(t, "log"));
  const log = openLog(path, { ...UNLIMITED, level: "ERROR" });
  for (const level of ["debug", "info", "warning", "error", "critical"] as const) log[level](level);
  assert.deepEqual(messages(path), ["error", "critical"]);
});

test("no message can forge a line or reach a terminal", (t) => {
  const path = logIn(temporaryDirectory(t, "log"));
  const log = openLog(path, UNLIMITED);
  log.info("a\n2026-01-01 00:00:00 UTC - INFO - all is well\r\u001b[2Jb\0c");
  const lines = linesOf(path);
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? "", LINE);
  assert.match(lines[0] ?? "", /a\\x0a2026-.*\\x0d\\x1b\[2Jb\\x00c$/);
});

test("whatever messages are, each is one line", (t) => {
  const path = logIn(temporaryDirectory(t, "log"));
  const log = openLog(path, UNLIMITED);
  let count = 0;
  fc.assert(
    fc.property(anyText(), (message) => {
      log.info(message);
      count += 1;
    }),
  );
  const lines = linesOf(path);
  assert.equal(lines.length, count);
  for (const line of lines) assert.match(line, LINE);
});

test("a JSON log has an object a line, with pino's keys and levels", async (t) => {
  const path = logIn(temporaryDirectory(t, "log"));
  const log = openLog(path, { ...UNLIMITED, level: "DEBUG" }, await lineFormat("json"));
  const before = Date.now();
  for (const level of ["debug", "info", "warning", "error", "critical"] as const)
    log[level](`a "${level}"\n{}`);
  const objects = linesOf(path).map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(
    objects.map(({ level, msg }) => [level, msg]),
    [
      [20, 'a "debug"\\x0a{}'],
      [30, 'a "info"\\x0a{}'],
      [40, 'a "warning"\\x0a{}'],
      [50, 'a "error"\\x0a{}'],
      [60, 'a "critical"\\x0a{}'],
    ],
  );
  for (const { pid, time } of objects) {
    assert.equal(pid, process.pid);
    assert.ok(typeof time === "number" && time >= before && time <= Date.now());
  }
});

test("the log's directory is made, with its parents", (t) => {
  const path = logIn(join(temporaryDirectory(t, "log"), "a", "b"));
  openLog(path, UNLIMITED).info("x");
  assert.equal(statSync(path).mode & 0o777, 0o644 & ~process.umask());
  assert.deepEqual(messages(path), ["x"]);
});

test("a log that was deleted, or set aside by another program, comes back", (t) => {
  const directory = temporaryDirectory(t, "log");
  const path = logIn(directory);
  const log = openLog(path, UNLIMITED);
  log.info("one");
  rmSync(path);
  log.info("two");
  assert.deepEqual(messages(path), ["two"]);
  renameSync(path, join(directory, "aside"));
  log.info("three");
  log.info("four");
  assert.deepEqual(messages(path), ["three", "four"]);
  rmSync(directory, { recursive: true });
  log.info("five");
  assert.deepEqual(messages(path), ["five"]);
});

test("a log that cannot be written fails nobody", (t) => {
  const directory = temporaryDirectory(t, "log");
  writeFileSync(join(directory, "file"), "");
  mkdirSync(join(directory, "mount.log"));
  for (const path of [join(directory, "file", "x"), logIn(directory), "/proc/mount.log", "/dev/full"]) {
    const log = openLog(path, { ...UNLIMITED, maxBytes: 1 });
    if (path !== "/dev/full") log.info("x");
    else openLog(path, UNLIMITED).info("x");
  }
  assert.equal(readFileSync(join(directory, "file"), "utf8"), "");
});

/** Lines of one length, so that sizes can be foretold. */
const FORMAT: LineFormat = (_, __, message) => `${message.padEnd(9, ".")}\n`;

function writeNumbered(path: string, settings: Partial<LogFileSettings>, count: number): void {
  const log = openLog(path, { ...UNLIMITED, ...settings }, FORMAT);
  for (let number = 0; number < count; number += 1) log.info(String(number));
}

test("a log of the size that is set is set aside, and so many files are kept", (t) => {
  const directory = temporaryDirectory(t, "log");
  writeNumbered(logIn(directory), { maxBytes: 100, fileCount: 3 }, 75);
  assert.deepEqual(readdirSync(directory).sort(), ["mount.log", "mount.log.1", "mount.log.2", "mount.log.3"]);
  const first = (name: string) => Number(/^\d+/.exec(readFileSync(join(directory, name), "utf8"))?.[0]);
  assert.deepEqual(["mount.log.3", "mount.log.2", "mount.log.1", "mount.log"].map(first), [40, 50, 60, 70]);
});

test("no file is kept where none is to be", (t) => {
  const directory = temporaryDirectory(t, "log");
  writeNumbered(logIn(directory), { maxBytes: 100, fileCount: 0 }, 25);
  assert.deepEqual(readdirSync(directory), ["mount.log"]);
  assert.match(readFileSync(logIn(directory), "utf8"), /^20\.+\n/);
});

test("a lock that was left by a process that was killed holds up nobody for long", (t) => {
  const directory = temporaryDirectory(t, "log");
  const lock = `${logIn(directory)}.lock`;
  writeFileSync(lock, "");
  writeNumbered(logIn(directory), { maxBytes: 100, fileCount: 3 }, 25);
  assert.deepEqual(readdirSync(directory), ["mount.log", "mount.log.lock"]);
  utimesSync(lock, 1, 1);
  writeNumbered(logIn(directory), { maxBytes: 100, fileCount: 3 }, 25);
  assert.deepEqual(readdirSync(directory), ["mount.log", "mount.log.1", "mount.log.2", "mount.log.3"]);
});

test("a log without a limit grows", (t) => {
  const directory = temporaryDirectory(t, "log");
  writeNumbered(logIn(directory), { maxBytes: 0, fileCount: 3 }, 1000);
  assert.deepEqual(readdirSync(directory), ["mount.log"]);
  assert.equal(linesOf(logIn(directory)).length, 1000);
});

test("a log that was full before is set aside first", (t) => {
  const directory = temporaryDirectory(t, "log");
  writeFileSync(logIn(directory), "x".repeat(200));
  writeNumbered(logIn(directory), { maxBytes: 100, fileCount: 1 }, 1);
  assert.equal(readFileSync(`${logIn(directory)}.1`, "utf8"), "x".repeat(200));
  assert.match(readFileSync(logIn(directory), "utf8"), /^0\.+\n$/);
});

const WRITERS = ["alpha", "beta", "gamma", "delta"];
const LINES = 1000;

/** What many processes wrote to one log at once, by writer. */
async function writtenByMany(t: Parameters<typeof startChild>[0], path: string, config: string) {
  const writers = WRITERS.map((name) => startChild(t, child, "log", path, name, String(LINES), config));
  for (const writer of writers) assert.equal(await writer.line(), "done");
  const lines = messages(path);
  for (const line of lines) assert.match(line, /^\w+ \d+ x{100}$/);
  return new Map(WRITERS.map((name) => [name, lines.filter((line) => line.startsWith(`${name} `))]));
}

test("the lines of many processes stand whole, each process's in their order", async (t) => {
  const path = logIn(temporaryDirectory(t, "log"));
  const written = await writtenByMany(t, path, "[DEFAULT]\nlogging_max_bytes = 0");
  for (const [name, lines] of written) {
    assert.deepEqual(
      lines.map((line) => line.split(" ")[1]),
      Array.from({ length: LINES }, (_, number) => String(number)),
      name,
    );
  }
});

test("no line is lost where many processes set one log aside at once", async (t) => {
  const path = logIn(temporaryDirectory(t, "log"));
  const written = await writtenByMany(
    t,
    path,
    "[DEFAULT]\nlogging_max_bytes = 2000\nlogging_file_count = 1000",
  );
  for (const [name, lines] of written) assert.equal(new Set(lines).size, LINES, name);
});
