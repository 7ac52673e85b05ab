import assert from "node:assert/strict";
import { test } from "node:test";
import type { StunnelCapabilities } from "../../../src/core/tunnel/capabilities.ts";
import { fitConfig, savedPort, savedTarget } from "../../../src/core/watchdog/saved-config.ts";

const SAVED = `fips = no
foreground = quiet
socket = l:SO_REUSEADDR=yes
pid = /var/run/efs/x+/stunnel.pid
[efs]
client = yes
accept = 127.0.0.1:20049
connect = fs-1.efs.us-east-1.amazonaws.com:2049
verify = 2
checkHost = fs-1.efs.us-east-1.amazonaws.com
libwrap = no
`;
const PID = "/var/run/efs/x+/stunnel.pid";
const NAMES =
  "foreground output pid syslog accept CAfile cert checkHost client connect debug delay key libwrap OCSPaia " +
  "options renegotiation socket sslVersion TIMEOUTbusy TIMEOUTclose TIMEOUTidle verify sni";

function knowing(names: string, quietForeground = true): StunnelCapabilities {
  const options = new Set(names.split(" "));
  return { version: "5.68", options, quietForeground, promptOutput: true, inheritsSockets: true };
}

test("what the installed stunnel knows stays as it is", () => {
  assert.deepEqual(fitConfig(SAVED, PID, knowing(NAMES)), { text: SAVED, changes: [] });
});

test("a harmless option that it does not know goes", () => {
  const { text, changes } = fitConfig(SAVED, PID, knowing(NAMES.replace(" libwrap", "")));
  assert.equal(text, SAVED.replace("libwrap = no\n", ""));
  assert.deepEqual(changes, ["libwrap dropped"]);
});

test("an option that decides whom the tunnel trusts never goes", () => {
  const without = knowing(NAMES.replace(" checkHost", "").replace(" verify", ""));
  assert.equal(fitConfig(SAVED, PID, without).text, SAVED);
  const fips = SAVED.replace("fips = no", "fips = yes");
  assert.equal(fitConfig(fips, PID, knowing(NAMES)).text, fips);
});

test("nothing goes where the help was not understood", () => {
  assert.equal(fitConfig(SAVED, PID, knowing("accept")).text, SAVED);
});

test("a stunnel that knows no quiet foreground gets the plain one", () => {
  const { text } = fitConfig(SAVED, PID, knowing(NAMES, false));
  assert.equal(text, SAVED.replace("foreground = quiet", "foreground = yes"));
});

test("the pid file is where the keeper expects it", () => {
  assert.match(fitConfig(SAVED, "/other.pid", knowing(NAMES)).text, /^pid = \/other\.pid$/m);
  const without = SAVED.replace(/^pid.*\n/m, "");
  assert.match(
    fitConfig(without, PID, knowing(NAMES)).text,
    new RegExp(`^pid = ${PID.replace("+", "\\+")}\n`),
  );
});

const targets: [connect: string, target: unknown][] = [
  ["fs-1.efs.us-east-1.amazonaws.com:2049", { host: "fs-1.efs.us-east-1.amazonaws.com", port: 2049 }],
  ["10.0.0.1:2049", { host: "10.0.0.1", port: 2049 }],
  ["2001:db8::1:2049", { host: "2001:db8::1", port: 2049 }],
  ["nonsense", undefined],
];
for (const [connect, target] of targets) {
  test(`the server of a saved configuration: ${connect}`, () => {
    assert.deepEqual(savedTarget(`[efs]\nconnect = ${connect}\n`), target);
  });
}

test("the port of a saved configuration, in any spelling that stunnel reads", () => {
  const ports = ["accept = 127.0.0.1:20049", "Accept=20049", "  ACCEPT =  127.0.0.1:20049 "].map(savedPort);
  assert.deepEqual(ports, [20_049, 20_049, 20_049]);
  assert.equal(savedPort("; accept = 1"), undefined);
});
