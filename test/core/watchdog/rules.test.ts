import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "../../../src/core/config/config.ts";
import { backOffMs } from "../../../src/core/watchdog/back-off.ts";
import { policyOf } from "../../../src/core/watchdog/policy.ts";
import { Reports } from "../../../src/core/watchdog/reports.ts";

const MINUTE = 60_000;

test("the wait between starts grows from a second to a minute, and is spread", () => {
  const waits = [1, 2, 3, 7, 8, 1000].map((starts) => backOffMs(starts, 0.5));
  assert.deepEqual(waits, [1000, 2000, 4000, 60_000, 60_000, 60_000]);
  assert.deepEqual([backOffMs(2, 0), backOffMs(2, 1)], [1600, 2400]);
});

test("without settings a tunnel ends at once and everything is looked at twice a minute", () => {
  const policy = policyOf(parseConfig("", "f"));
  assert.deepEqual([policy.graceMs, policy.roundMs], [0, 30_000]);
});

const graces: [config: string, graceMs: number, roundMs: number][] = [
  ["unmount_grace_period_sec = 30", 30_000, 30_000],
  ["unmount_count_for_consistency = 5", 5000, 30_000],
  ["unmount_count_for_consistency = 5\npoll_interval_sec = 10", 50_000, 10_000],
  ["poll_interval_sec = 1\nunmount_grace_period_sec = 30\nunmount_count_for_consistency = 5", 30_000, 1000],
];
for (const [config, graceMs, roundMs] of graces) {
  test(`an existing configuration is honoured: ${config.replaceAll("\n", ", ")}`, () => {
    const policy = policyOf(parseConfig(`[mount-watchdog]\n${config}`, "f"));
    assert.deepEqual([policy.graceMs, policy.roundMs], [graceMs, roundMs]);
  });
}

test("no certificate gets so old that it might expire, whatever the configuration says", () => {
  const life = (config: string) =>
    policyOf(parseConfig(`[mount-watchdog]\n${config}`, "f")).certificateLifeMs;
  assert.equal(life(""), 60 * MINUTE);
  assert.equal(life("tls_cert_renewal_interval_min = 1"), MINUTE);
  for (const minutes of [170, 180, 100_000])
    assert.equal(life(`tls_cert_renewal_interval_min = ${minutes}`), 170 * MINUTE);
});

test("the health check is on unless it is switched off, and keeps the configured times", () => {
  const health = (config: string) => policyOf(parseConfig(`[mount-watchdog]\n${config}`, "f")).health;
  assert.deepEqual(health(""), { everyMs: 5 * MINUTE, limitMs: 30_000 });
  assert.equal(health("stunnel_health_check_enabled = false"), undefined);
  const set = "stunnel_health_check_interval_min = 2\nstunnel_health_check_command_timeout_sec = 7";
  assert.deepEqual(health(set), { everyMs: 2 * MINUTE, limitMs: 7000 });
});

test("a value of the wrong type is an error of the configuration", () => {
  assert.throws(() => policyOf(parseConfig("[mount-watchdog]\npoll_interval_sec = soon", "f")), {
    kind: "config",
    message: /poll_interval_sec.*soon/,
  });
});

test("what goes on failing is said a few times, then a handful of times an hour, with the count", () => {
  const reports = new Reports();
  const said = [];
  for (let now = 0; now < 60 * MINUTE; now += 1000) said.push(reports.due("x", `pid ${now}`, now));
  const lines = said.filter((line) => line !== undefined);
  assert.ok(lines.length >= 6 && lines.length <= 12, `${lines.length} lines`);
  assert.equal(lines[0], "pid 0");
  assert.match(lines.at(-1) ?? "", /599 more/);
});

test("the same text is said once, and again half an hour later", () => {
  const reports = new Reports();
  const at = (minutes: number) => reports.due("x", "port taken", minutes * MINUTE);
  assert.deepEqual([at(0), at(1), at(29)], ["port taken", undefined, undefined]);
  assert.equal(at(31), "port taken (2 more of the kind went before)");
});

test("subjects do not silence each other, and what was forgotten is news again", () => {
  const reports = new Reports();
  assert.equal(reports.due("a failed", "t", 0), "t");
  assert.equal(reports.due("b failed", "t", 0), "t");
  reports.forget("a ");
  assert.equal(reports.due("a failed", "t", 1), "t");
  assert.equal(reports.due("b failed", "t", 1), undefined);
});
