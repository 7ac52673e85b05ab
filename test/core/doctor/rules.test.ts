import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseConfig } from "../../../src/core/config/config.ts";
import { authorityFindings } from "../../../src/core/doctor/certificates.ts";
import { type Finding, hasFindings, type Verdict, worstOf } from "../../../src/core/doctor/checks.ts";
import { clockFindings } from "../../../src/core/doctor/clock.ts";
import { unknownNames } from "../../../src/core/doctor/config.ts";
import { metadataFindings } from "../../../src/core/doctor/metadata.ts";
import { portFindings } from "../../../src/core/doctor/ports.ts";
import { featureFindings, stunnelFindings } from "../../../src/core/doctor/stunnel.ts";
import { parseCapabilities } from "../../../src/core/tunnel/capabilities.ts";

const tell = (findings: readonly Finding[]) =>
  findings.map(({ finding, remedy = "" }) => `${finding} | ${remedy}`).join("\n");

function assertFindings(findings: readonly Finding[], worst: Verdict, says: RegExp): void {
  assert.equal(worstOf(findings), worst, tell(findings));
  assert.match(tell(findings), says);
  for (const { verdict, remedy } of findings)
    if (verdict === "warning" || verdict === "problem") assert.notEqual(remedy ?? "", "", tell(findings));
}

const stunnel = (version: string) => ({ ...parseCapabilities(""), version });

describe("stunnel", () => {
  const cases: [version: string, worst: Verdict, says: RegExp][] = [
    ["4.56", "problem", /older than 5\.15/],
    ["5.14", "problem", /older than 5\.15/],
    ["5.15", "problem", /OCSP answers for good/],
    ["5.30", "warning", /loses memory/],
    ["5.44", "warning", /several addresses/],
    ["5.68", "note", /broken URL/],
    ["5.75", "ok", /without a known defect/],
    ["5.100", "ok", /without a known defect/],
    ["6.0", "ok", /without a known defect/],
  ];
  for (const [version, worst, says] of cases) {
    test(`${version} is ${worst}`, () => assertFindings(stunnelFindings(stunnel(version)), worst, says));
  }

  test("without a version is doubtful", () => {
    assertFindings(stunnelFindings(parseCapabilities("")), "warning", /does not tell/);
  });

  const ALL = "checkHost = x\nOCSPaia = x\nThreading:PTHREAD Sockets:POLL,IPv6,SYSTEMD TLS:OCSP\n";
  const wanted = { checkHost: true, ocsp: true };

  test("has what is wanted of it, or it is a problem; what is not wanted is noted", () => {
    assertFindings(featureFindings(parseCapabilities(ALL), wanted), "ok", /checks host names/);
    const without = parseCapabilities(ALL.replace(/OCSPaia.*\n/, ""));
    assertFindings(
      featureFindings(without, wanted),
      "problem",
      /cannot ask OCSP.*stunnel_check_cert_validity/,
    );
    assertFindings(featureFindings(without, { ...wanted, ocsp: false }), "note", /not wanted/);
    const bare = parseCapabilities(ALL.replace(",SYSTEMD", ""));
    assertFindings(featureFindings(bare, wanted), "warning", /cannot take over a socket/);
  });
});

describe("unknown names of the configuration", () => {
  const cases: [text: string, says: RegExp][] = [
    ["[mount]\nregoin = x", /^line 2: key regoin in \[mount\] .*\| did you mean region\?$/],
    ["\n[muont]\nregion = x", /^line 2: section \[muont\] .*\| did you mean mount\?$/],
    ["[mount]\npoll_interval_sec = 1", /^line 2: .*\| move it to \[mount-watchdog\]$/],
    ["[mount]\nzzz = 1", /efs-utils\.conf\(5\)/],
  ];
  for (const [text, says] of cases) {
    test(JSON.stringify(text), () => assertFindings(unknownNames(parseConfig(text, "x")), "warning", says));
  }
});

describe("authorities", () => {
  const NOW = Date.parse("2026-11-24T12:00:00Z");
  const until = (name: string, date: string) => ({ name, from: new Date(0), until: new Date(date) });

  test("that are valid for long are fine, and their first end is told", () => {
    const all = [until("one", "2040-01-01"), until("two", "2030-01-01")];
    assertFindings(authorityFindings(all, NOW, "get another one"), "ok", /2 valid of 2.*2030-01-01 \(two\)/);
  });

  test("that end soon, or are expired, or are none, are told", () => {
    assertFindings(
      authorityFindings([until("one", "2026-12-01")], NOW, "get another one"),
      "warning",
      /2026-12-01/,
    );
    const mixed = [until("old", "2020-01-01"), until("new", "2040-01-01")];
    assertFindings(
      authorityFindings(mixed, NOW, "get another one"),
      "warning",
      /expired: old \(2020-01-01\)/,
    );
    assertFindings(
      authorityFindings([until("old", "2020-01-01")], NOW, "get another one"),
      "problem",
      /all of its 1/,
    );
    assertFindings(authorityFindings([], NOW, "get another one"), "problem", /no certificate/);
  });
});

test("a clock that is off is told, and from five minutes on it is a problem", () => {
  assertFindings(clockFindings(-1000, "x"), "ok", /1 s behind that of x/);
  assertFindings(clockFindings(60_000, "x"), "warning", /60 s ahead of/);
  assertFindings(clockFindings(-300_000, "x"), "problem", /300 s behind.*signatures/);
  assertFindings(clockFindings(undefined, "x"), "skipped", /does not tell/);
});

describe("instance metadata", () => {
  const facts = { disabled: false, tokenStatus: 200, plainStatus: 401, region: "us-east-1" };
  const none = { ...facts, tokenStatus: undefined, plainStatus: undefined, region: undefined };
  const cases: [what: string, findings: Finding[], worst: Verdict, says: RegExp][] = [
    ["that answers with a token", metadataFindings(facts, true), "ok", /IMDSv2/],
    [
      "whose hop limit is too low",
      metadataFindings({ ...facts, tokenStatus: undefined, region: undefined }, true),
      "problem",
      /hop limit.*http-put-response-hop-limit 2/,
    ],
    [
      "that answers without a token only",
      metadataFindings({ ...facts, tokenStatus: undefined, plainStatus: 200 }, true),
      "warning",
      /IMDSv1/,
    ],
    ["that is not there, and needed", metadataFindings(none, true), "problem", /region=NAME/],
    ["that is not there, nor needed", metadataFindings(none, false), "note", /no EC2 instance/],
    ["that is switched off", metadataFindings({ ...none, disabled: true }, true), "skipped", /DISABLED/],
    [
      "in whose place something else answers",
      metadataFindings({ ...facts, tokenStatus: 403, plainStatus: 403, region: undefined }, true),
      "warning",
      /status 403/,
    ],
  ];
  for (const [what, findings, worst, says] of cases)
    test(`${what}: ${worst}`, () => assertFindings(findings, worst, says));
});

test("local ports that are few, or none, are told", () => {
  const taken = (count: number) => new Set(Array.from({ length: count }, (_, index) => 20_049 + index));
  assertFindings(portFindings(20_049, 20_449, new Set([22, 20_050])), "ok", /399 of 400/);
  assertFindings(portFindings(20_049, 20_449, taken(395)), "warning", /5 of 400/);
  assertFindings(portFindings(20_049, 20_449, taken(400)), "problem", /no port from 20049 to 20448/);
  assertFindings(portFindings(3, 3, new Set()), "problem", /empty/);
});

test("warnings and problems are findings, notes and what was skipped are none", () => {
  const report = (verdict: Verdict) => ({
    id: "boot" as const,
    title: "",
    looked: "",
    findings: [{ verdict, finding: "" }],
  });
  assert.equal(hasFindings([report("ok"), report("note"), report("skipped")]), false);
  assert.equal(hasFindings([report("ok"), report("warning")]), true);
  assert.equal(hasFindings([report("problem")]), true);
});
