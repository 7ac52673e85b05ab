import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Port } from "../../../src/core/ids.ts";
import type { ResolvedTarget } from "../../../src/core/location/target.ts";
import type { VerifyLevel } from "../../../src/core/request/request.ts";
import { tunnelPaths } from "../../../src/core/tunnel/names.ts";
import { stunnelConfig, type TunnelSettings } from "../../../src/core/tunnel/stunnel-config.ts";
import { anyText } from "../../support/any-text.ts";
import { assertProblem, problemOf } from "../../support/problem.ts";
import { NEW, OLD } from "./builds.ts";

const NAME = "fs-1.efs.us-east-1.amazonaws.com";
const PATHS = tunnelPaths("/var/run/efs", "fs-1.mnt.efs.20049");
const TARGET = {
  fsId: "fs-1",
  region: "us-east-1",
  dnsName: `us-east-1a.${NAME}`,
  certificateName: NAME,
  address: undefined,
} as ResolvedTarget;
const SETTINGS: TunnelSettings = {
  port: 20_049 as Port,
  target: TARGET,
  verify: 2,
  checkHostName: true,
  checkRevocation: true,
  caFile: "/etc/amazon/efs/efs-utils.crt",
  privateKey: "/etc/amazon/efs/privateKey.pem",
  fips: false,
  debugLog: undefined,
};

/** The configuration's lines by section: the global ones are those of "". */
function sections(change: Partial<TunnelSettings> = {}, capabilities = NEW): Record<string, string[]> {
  const found: Record<string, string[]> = { "": [] };
  let section = "";
  for (const line of stunnelConfig({ ...SETTINGS, ...change }, PATHS, capabilities).split("\n")) {
    const name = /^\[(.*)\]$/.exec(line)?.[1];
    if (name !== undefined) section = name;
    else if (line !== "") found[section] = [...(found[section] ?? []), line];
  }
  return found;
}

const service = (change: Partial<TunnelSettings> = {}, capabilities = NEW) =>
  sections(change, capabilities).efs ?? [];
const globals = (change: Partial<TunnelSettings> = {}, capabilities = NEW) =>
  sections(change, capabilities)[""] ?? [];

test("the log is a file where that gets lines at once, and standard error elsewhere", () => {
  const prompt = globals({}, { ...NEW, promptOutput: true });
  assert.ok(prompt.includes("foreground = quiet"));
  assert.ok(prompt.includes(`output = ${PATHS.log}`));
  const late = globals();
  assert.ok(late.includes("foreground = yes"));
  assert.deepEqual(
    late.filter((line) => line.startsWith("output")),
    [],
  );
});

test("a tunnel's configuration is what the interface says", () => {
  assert.deepEqual(sections(), {
    "": [
      "fips = no",
      "foreground = yes",
      "socket = l:SO_REUSEADDR=yes",
      "socket = a:SO_BINDTODEVICE=lo",
      "pid = /var/run/efs/fs-1.mnt.efs.20049+/stunnel.pid",
      "debug = notice",
      "syslog = no",
    ],
    efs: [
      "client = yes",
      "accept = 127.0.0.1:20049",
      `connect = us-east-1a.${NAME}:2049`,
      "sslVersion = TLSv1.2",
      "renegotiation = no",
      "TIMEOUTbusy = 20",
      "TIMEOUTclose = 0",
      "TIMEOUTidle = 70",
      "delay = yes",
      "verify = 2",
      "CAfile = /etc/amazon/efs/efs-utils.crt",
      "cert = /var/run/efs/fs-1.mnt.efs.20049+/certificate.pem",
      "key = /etc/amazon/efs/privateKey.pem",
      `checkHost = ${NAME}`,
      "OCSPaia = yes",
      "OCSPrequire = yes",
    ],
  });
});

const CHANGES: [what: string, change: Partial<TunnelSettings>, has: string[], lacks: string[]][] = [
  ["FIPS", { fips: true }, ["fips = yes"], ["fips = no"]],
  ["a verify level", { verify: 4 }, ["verify = 4", "CAfile = /etc/amazon/efs/efs-utils.crt"], ["verify = 2"]],
  ["no revocation check", { checkRevocation: false }, [`checkHost = ${NAME}`], ["OCSPaia = yes"]],
  ["no host name check", { checkHostName: false }, ["OCSPaia = yes"], [`checkHost = ${NAME}`]],
  [
    "an address in place of the name, which the server hears all the same",
    { target: { ...TARGET, address: "10.0.0.1" } },
    ["connect = 10.0.0.1:2049", `sni = us-east-1a.${NAME}`, `checkHost = ${NAME}`],
    [`connect = us-east-1a.${NAME}:2049`],
  ],
  [
    "an address that the user gave, which the server hears",
    { target: { ...TARGET, address: "10.0.0.1", isAddressGiven: true } },
    ["connect = 10.0.0.1:2049", `checkHost = ${NAME}`],
    [`sni = us-east-1a.${NAME}`],
  ],
  [
    "an IPv6 address that the user gave, which no server can be told",
    { target: { ...TARGET, address: "fd00::1", isAddressGiven: true } },
    ["connect = fd00::1:2049", `sni = us-east-1a.${NAME}`, `checkHost = ${NAME}`],
    [],
  ],
  [
    "debugging, which cannot be quiet",
    { debugLog: "/var/log/amazon/efs/x.stunnel.log" },
    ["debug = debug", "output = /var/log/amazon/efs/x.stunnel.log", "foreground = yes"],
    ["foreground = quiet", "debug = notice"],
  ],
];
for (const [what, change, has, lacks] of CHANGES) {
  test(`the configuration with ${what}`, () => {
    const lines = [...globals(change), ...service(change)];
    for (const line of has) assert.ok(lines.includes(line), line);
    for (const line of lacks) assert.ok(!lines.includes(line), line);
  });
}

test("verify=0 verifies nothing: no authorities and no host name", () => {
  const lines = service({ verify: 0, checkRevocation: false });
  assert.ok(lines.includes("verify = 0"));
  assert.deepEqual(
    lines.filter((line) => /^(CAfile|checkHost|OCSPaia)/.test(line)),
    [],
  );
});

test("an old stunnel gets nothing that it does not know", () => {
  const relaxed = { checkHostName: false, checkRevocation: false };
  assert.ok(globals(relaxed, OLD).includes("foreground = yes"));
  assert.ok(service(relaxed, OLD).includes("libwrap = no"));
  assert.ok(globals(relaxed, { ...OLD, options: new Set() }).every((line) => !line.startsWith("syslog")));
  assert.ok(service(relaxed, NEW).every((line) => !line.startsWith("libwrap")));
});

test("a stunnel without host name checks is refused, with the version to install and the setting that does without", () => {
  assertProblem(
    () => stunnelConfig({ ...SETTINGS, checkRevocation: false }, PATHS, OLD),
    "system",
    "stunnel 4.56",
    "checkHost",
    "install stunnel 5.15",
    "stunnel_check_cert_hostname = false",
  );
});

test("a stunnel without OCSP is refused, with the version, the setting and the option that do without", () => {
  assertProblem(
    () => stunnelConfig({ ...SETTINGS, checkHostName: false }, PATHS, OLD),
    "system",
    "stunnel 4.56",
    "OCSPaia",
    "install stunnel 5.15",
    "stunnel_check_cert_validity = false",
    "mount with noocsp",
  );
});

test("a stunnel that does not say its version is refused too", () => {
  const unknown = { ...OLD, version: undefined };
  assertProblem(() => stunnelConfig(SETTINGS, PATHS, unknown), "system", "of unknown version");
});

test("a check that verify=0 makes void is not asked of an old stunnel", () => {
  assert.equal(
    problemOf(() => stunnelConfig({ ...SETTINGS, verify: 0, checkRevocation: false }, PATHS, OLD)),
    undefined,
  );
});

const hostile = fc.oneof(
  anyText(),
  fc
    .tuple(
      fc.string(),
      fc.constantFrom("\n", "\r", "\0", "\r\n", " ", "\t", "\u0085", "\nexec = /bin/sh\n"),
      fc.string(),
    )
    .map((parts) => parts.join("")),
);

test("whatever the values are, each gets one line as it is, or none of them gets any", () => {
  const value = fc.record({
    dnsName: hostile,
    caFile: hostile,
    debugLog: fc.option(hostile, { nil: undefined }),
  });
  fc.assert(
    fc.property(value, fc.constantFrom<VerifyLevel>(0, 2), ({ dnsName, caFile, debugLog }, verify) => {
      const change = { verify, caFile, debugLog, target: { ...TARGET, dnsName } };
      const problem = problemOf(() => sections(change));
      if (problem !== undefined) return assert.equal(problem.kind, "config");
      const text = stunnelConfig({ ...SETTINGS, ...change }, PATHS, NEW);
      const expected = stunnelConfig(
        { ...SETTINGS, verify, debugLog: debugLog && "/log", target: TARGET },
        PATHS,
        NEW,
      );
      assert.equal(text.split(/[\n\r\0]/).length, expected.split("\n").length);
      assert.ok(text.includes(`\nconnect = ${dnsName}:2049\n`));
      if (verify > 0) assert.ok(text.includes(`\nCAfile = ${caFile}\n`));
      if (debugLog !== undefined) assert.ok(text.includes(`\noutput = ${debugLog}\n`));
    }),
    { numRuns: 500 },
  );
});

for (const bad of ["/ca\n[evil]", "/ca\r", "/ca\0", " /ca", "/ca ", "/ca\t", "\u00a0/ca"]) {
  test(`refused in stunnel's configuration: ${JSON.stringify(bad)}`, () => {
    assertProblem(() => sections({ caFile: bad }), "config", "CAfile", "cannot be written");
  });
}
