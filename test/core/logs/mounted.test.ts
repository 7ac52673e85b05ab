import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { countRestarts, isOfMount, lastMounts } from "../../../src/core/logs/mounted.ts";

const entry = (message: string, time = 1000) => ({ time, level: "INFO" as const, message });

test("the log of mounts tells what was mounted where at last", () => {
  const name = (id: string) => `${id}.efs.us-east-1.amazonaws.com`;
  const mounts = lastMounts([
    entry(`Successfully mounted ${name("fs-1")} at /mnt/efs`),
    entry(`Successfully mounted us-east-1a.${name("fs-2")} at /mnt/efs`, 2000),
    entry(`Successfully mounted fs-3.example at /mnt/a b at /c`),
    entry("Checked fs-4 for /mnt; nothing is mounted"),
  ]);
  assert.deepEqual(
    [...mounts].map(([place, { fsId, time }]) => [place, fsId, time]),
    [
      ["/mnt/efs", "fs-2", 2000],
      ["/mnt/a b at /c", "fs-3", 1000],
    ],
  );
});

test("a line of the log is of the mount that is there, or of an earlier one at its place", () => {
  const now = 1_000_000_000;
  const at = (time: number) => ({ time, dnsName: "fs-1.efs", fsId: "fs-1", mountPoint: "/mnt" });
  assert.equal(isOfMount(at(now - 99_000), 100, now), true);
  assert.equal(isOfMount(at(now - 101_000), 100, now), true, "to the second");
  assert.equal(isOfMount(at(now - 3_600_000), 100, now), false);
  assert.equal(isOfMount(at(now - 3_600_000), undefined, now), true, "where the age is not known");
});

describe("restarts of a tunnel", () => {
  const tunnel = "tunnel of /mnt/efs (port 20049): ";

  test("are counted by the watchdog's words, those that it left out included", () => {
    const entries = [
      entry(`${tunnel}stunnel 1 ended, 2 has taken over`),
      entry(`${tunnel}stunnel 2 ended, 3 has taken over (4 more of the kind went before)`),
      entry(`${tunnel}stunnel 7 had ended, 8 was started`),
      entry(`${tunnel}no stunnel ran, 9 was started`),
    ];
    assert.equal(countRestarts(entries, 20_049, 0), 8);
  });

  test("are neither those of another port, nor of an earlier mount, nor anything else", () => {
    const entries = [
      entry("tunnel of /mnt/efs (port 20050): stunnel 1 ended, 2 has taken over"),
      entry(`${tunnel}stunnel 1 ended, 2 has taken over`, 10),
      entry(`${tunnel}ended, nothing uses it any more`),
    ];
    assert.equal(countRestarts(entries, 20_049, 500), 0);
  });
});
