import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import fc from "fast-check";
import stringWidth from "string-width";
import type { MountStatus, Status } from "../../src/core/status/status.ts";
import { paintFor } from "../../src/render/paint.ts";
import { prometheusText } from "../../src/render/prometheus.ts";
import { statusText } from "../../src/render/status.ts";
import { anyText } from "../support/any-text.ts";

const NOW = Date.parse("2026-11-24T12:00:00Z");
const MOUNT: MountStatus = {
  kind: "mount",
  mountPoint: "/mnt/efs",
  fileSystem: "fs-12345678",
  path: "/",
  protection: "tls",
  tunnel: {
    port: 20_049,
    pid: 866,
    ageSeconds: 11_520,
    restarts: 1,
    certificate: { createdAt: new Date(NOW - 60_000), expiresAt: new Date(NOW + 10_740_000) },
    identity: "the role of this instance",
    access: "root",
    accessPoint: "fsap-0123456789abcdef0",
  },
  address: "10.0.0.5",
  answer: { outcome: "answered", connectMs: 18.2, roundTripMs: 1.234 },
  traffic: { bytesRead: 2 ** 30, bytesWritten: 1536, operations: 12_345, retransmissions: 0, timeouts: 2 },
  ageSeconds: 11_580,
  problems: [],
};
const DOWN: MountStatus = {
  kind: "mount",
  mountPoint: "/mnt/two",
  protection: "plain",
  problems: [
    {
      what: "the file system does not answer",
      remedy: "see efs-utils logs and efs-utils doctor for the network",
    },
  ],
};
const ALL: Status = { mounts: [DOWN, MOUNT], problems: [], unread: ["/run/efs: only root may read it"] };

const text = (status: Status, width: number) =>
  statusText(status, { width, paint: paintFor(false) }, NOW).join("\n");

describe("status as text", () => {
  test("at 80 columns", () => {
    assert.equal(
      text(ALL, 80),
      `2 mounts, 1 without encryption in transit, 1 with a problem

/mnt/two  file system unknown:/  not encrypted in transit  problem
    problem      the file system does not answer
    remedy       see efs-utils logs and efs-utils doctor for the network

/mnt/efs  fs-12345678:/  TLS  ok
    tunnel       127.0.0.1:20049, stunnel 866 for 3h 12m, restarted 1 time
    server       10.0.0.5, answers in 1.2 ms (18 ms with a new connection)
    certificate  made 1m ago, good for 2h 59m, until 2026-11-24 14:59:00 UTC
    identity     the role of this instance, through access point
                 fsap-0123456789abcdef0
    traffic      1 GiB read, 1.5 KiB written, 12,345 operations, 0 sent again, 2
                 timed out
    mounted for  3h 13m

not read: /run/efs: only root may read it`,
    );
  });

  test("at 200 columns each fact is a line", () => {
    const lines = text(ALL, 200).split("\n");
    assert.ok(
      lines.includes(
        "    identity     the role of this instance, through access point fsap-0123456789abcdef0",
      ),
    );
  });

  test("of no mounts says so", () => {
    assert.equal(text({ mounts: [], problems: [], unread: [] }, 80), "no EFS file system is mounted");
  });

  test("is no wider than the terminal, and sends no control characters, whatever is mounted where", () => {
    const any = anyText({ maxLength: 200 });
    fc.assert(
      fc.property(any, any, fc.integer({ min: 40, max: 200 }), (mountPoint, what, width) => {
        const problems = [{ what, remedy: what }];
        const lines = statusText(
          { ...ALL, mounts: [{ ...MOUNT, mountPoint, problems }] },
          { width, paint: paintFor(false) },
          NOW,
        );
        for (const line of lines) {
          assert.ok(stringWidth(line) <= width, `${stringWidth(line)} ${line}`);
          assert.doesNotMatch(line, /[\u0000-\u001f\u007f-\u009f]/);
        }
      }),
    );
  });
});

/** Prometheus's text format 0.0.4: HELP, TYPE, then that metric's samples, each metric once. */
function readMetrics(lines: readonly string[]): Map<string, number> {
  const samples = new Map<string, number>();
  const seen = new Set<string>();
  let current = "";
  for (const line of lines) {
    const help = /^# HELP ([a-z_]+) \S/.exec(line)?.[1];
    if (help !== undefined) {
      assert.ok(!seen.has(help), help);
      seen.add(help);
      current = help;
      continue;
    }
    if (/^# TYPE /.test(line)) {
      const [, name = "", type] = /^# TYPE ([a-z_]+) (gauge|counter)$/.exec(line) ?? [];
      assert.equal(name, current);
      assert.equal(type === "counter", name.endsWith("_total"));
      continue;
    }
    const [, name, , value] =
      /^([a-z_]+)(\{(?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)*\})? (\S+)$/.exec(line) ?? [];
    assert.equal(name, current, line);
    assert.ok(Number.isFinite(Number(value)), line);
    const sample = line.slice(0, line.lastIndexOf(" "));
    assert.ok(!samples.has(sample), sample);
    samples.set(sample, Number(value));
  }
  return samples;
}

describe("status as metrics", () => {
  test("has a sample for each fact that is known", () => {
    const samples = readMetrics(prometheusText(ALL));
    const labels = '{mountpoint="/mnt/efs",filesystem="fs-12345678",protection="tls"}';
    assert.equal(samples.get("efs_healthy"), 0);
    assert.equal(samples.get(`efs_tunnel_restarts_total${labels}`), 1);
    assert.equal(samples.get(`efs_mount_round_trip_seconds${labels}`), 0.001234);
    assert.equal(samples.get(`efs_mount_read_bytes_total${labels}`), 2 ** 30);
    assert.equal([...samples.keys()].filter((name) => name.startsWith("efs_tunnel_up")).length, 1);
  });

  test("is described in docs/metrics.md, each metric once, and no other", () => {
    const document = readFileSync(new URL("../../docs/metrics.md", import.meta.url), "utf8");
    const rows = [...document.matchAll(/^\| (`efs_.*?`) \|/gm)].flatMap(
      ([, names = ""]) => names.match(/[a-z_]+/g) ?? [],
    );
    const told = [...readMetrics(prometheusText(ALL)).keys()].map((sample) => sample.replace(/\{.*/, ""));
    assert.deepEqual(rows.sort(), [...new Set(told)].sort());
  });

  test("is Prometheus's format whatever is mounted where", () => {
    fc.assert(
      fc.property(anyText(), (mountPoint) => {
        readMetrics(prometheusText({ ...ALL, mounts: [{ ...MOUNT, mountPoint }] }));
      }),
    );
  });
});
