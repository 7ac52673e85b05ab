import assert from "node:assert/strict";
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { followLogs } from "../../../src/app/logs/follow.ts";
import { type HistoryEntry, readHistory } from "../../../src/app/logs/history.ts";
import { logLine } from "../../../src/core/log-line.ts";
import { tunnelPaths } from "../../../src/core/tunnel/names.ts";
import { eventually } from "../../support/watchdog-rig.ts";

const START = new Date(2026, 10, 24, 12, 0, 0).getTime();
const at = (seconds: number) => new Date(START + 1000 * seconds);
const line = (seconds: number, message: string) => logLine(at(seconds), "INFO", message);
const stunnelLine = (seconds: number, message: string) => {
  const two = (value: number) => String(value).padStart(2, "0");
  const time = at(seconds);
  return `2026.11.24 ${[time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(":")} LOG5[0]: ${message}\n`;
};

/** Logs and a state directory of a machine. */
function machine(test: TestContext) {
  const place = mkdtempSync(join(tmpdir(), "efs-history-"));
  test.after(() => rmSync(place, { recursive: true }));
  const places = { stateDirectory: join(place, "state"), logDirectory: join(place, "log") };
  mkdirSync(places.stateDirectory);
  mkdirSync(places.logDirectory);
  const log = (name: string) => join(places.logDirectory, name);
  return {
    places,
    log,
    tunnel: (base: string, text: string) => {
      const { directory, log: file } = tunnelPaths(places.stateDirectory, base);
      mkdirSync(directory);
      writeFileSync(file, text);
      return file;
    },
  };
}

const ALL = { since: Number.NEGATIVE_INFINITY, verbose: true };
const messages = (entries: readonly HistoryEntry[]) => entries.map(({ message }) => message);

describe("history", () => {
  test("is that of all logs in one order, older files of theirs included", (t) => {
    const { places, log, tunnel } = machine(t);
    writeFileSync(log("mount.log.2"), line(1, "first"));
    writeFileSync(log("mount.log.1"), line(2, "second"));
    writeFileSync(log("mount.log"), line(4, "fourth") + line(6, "sixth"));
    writeFileSync(log("mount-watchdog.log"), line(5, "fifth"));
    tunnel("fs-1.mnt.efs.20049", stunnelLine(3, "third"));
    writeFileSync(log("fs-1.mnt.efs.20049.stunnel.log"), stunnelLine(7, "seventh"));
    const { entries, unread } = readHistory(places, undefined, ALL);
    assert.deepEqual(messages(entries), ["first", "second", "third", "fourth", "fifth", "sixth", "seventh"]);
    assert.deepEqual(
      entries.map(({ source }) => source),
      ["mount", "mount", "tunnel", "mount", "watchdog", "mount", "tunnel"],
    );
    assert.equal(entries[2]?.tunnel, "fs-1.mnt.efs.20049");
    assert.deepEqual(unread, []);
  });

  test("of a mount point is what concerns it, its tunnels' logs included", (t) => {
    const { places, log, tunnel } = machine(t);
    writeFileSync(
      log("mount.log"),
      line(1, "Successfully mounted fs-1.efs.us-east-1.amazonaws.com at /mnt/efs") +
        line(2, "Successfully mounted fs-2.efs.us-east-1.amazonaws.com at /mnt/two") +
        line(3, "fs-1.efs.us-east-1.amazonaws.com does not resolve"),
    );
    tunnel("fs-1.mnt.efs.20049", stunnelLine(4, "mine"));
    tunnel("fs-2.mnt.two.20050", stunnelLine(5, "another's"));
    const { entries } = readHistory(places, "/mnt/efs", ALL);
    assert.deepEqual(
      entries.map(({ time }) => (time - START) / 1000),
      [1, 3, 4],
    );
    assert.deepEqual(
      messages(readHistory(places, "fs-2", { since: at(3).getTime(), verbose: true }).entries),
      ["another's"],
    );
  });

  test("leaves out what stunnel says of every connection, unless that is asked for", (t) => {
    const { places, tunnel } = machine(t);
    const said = [
      "Service [efs] accepted connection",
      "transfer: s_poll_wait: TIMEOUTclose exceeded: closing",
    ];
    const worth = "s_connect: connect 10.0.0.1:2049: Connection refused (111)";
    const lines = said.map((text) => stunnelLine(1, text)).join("");
    const failed = stunnelLine(2, worth).replace("LOG5", "LOG3");
    tunnel("fs-1.mnt.efs.20049", `${lines}${failed}keeper: stunnel ended with status 137, next one in 0 s\n`);
    const of = (verbose: boolean) =>
      messages(readHistory(places, undefined, { since: Number.NEGATIVE_INFINITY, verbose }).entries);
    const ended = "stunnel ended with status 137, next one in 0 s";
    assert.deepEqual(of(false), [worth, ended]);
    assert.deepEqual(of(true), [...said, worth, ended]);
  });

  test("of a machine without logs is empty, and what cannot be read is told", (t) => {
    const { places, log } = machine(t);
    assert.deepEqual(readHistory(places, undefined, ALL).entries, []);
    mkdirSync(log("mount.log"));
    assert.match(readHistory(places, undefined, ALL).unread.join(), /mount\.log: EISDIR/);
    rmSync(places.logDirectory, { recursive: true });
    assert.deepEqual(readHistory(places, undefined, ALL).unread, []);
    chmodSync(places.stateDirectory, 0o700);
  });

  test("goes on with what is written later: appended, after a rotation, into a log that was emptied or is new", async (t) => {
    const { places, log, tunnel } = machine(t);
    writeFileSync(log("mount.log"), line(1, "before"));
    const tunnelLog = tunnel(
      "fs-1.mnt.efs.20049",
      stunnelLine(2, "a line that is longer than what comes later"),
    );
    const { files, entries } = readHistory(places, undefined, ALL);
    // between the reading and the following
    appendFileSync(log("mount.log"), line(3, "between"));
    const told: string[] = [];
    const stop = new AbortController();
    const following = followLogs(files, (more) => told.push(...messages(more)), stop.signal);
    const isTold = (message: string) => eventually(message, () => told.includes(message));
    await isTold("between");
    appendFileSync(log("mount.log"), line(4, "whole").slice(0, 20));
    appendFileSync(log("mount.log"), line(4, "whole").slice(20));
    await isTold("whole");
    appendFileSync(log("mount.log"), line(5, "last before the rotation"));
    renameSync(log("mount.log"), log("mount.log.1"));
    writeFileSync(log("mount.log"), line(6, "rotated"));
    await isTold("rotated");
    truncateSync(tunnelLog);
    appendFileSync(tunnelLog, stunnelLine(7, "emptied"));
    await isTold("emptied");
    writeFileSync(log("mount-watchdog.log"), line(8, "new"));
    await isTold("new");
    stop.abort();
    await following;
    assert.deepEqual(messages(entries), ["before", "a line that is longer than what comes later"]);
    assert.deepEqual(told, ["between", "whole", "last before the rotation", "rotated", "emptied", "new"]);
  });
});
