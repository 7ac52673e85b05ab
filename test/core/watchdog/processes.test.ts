import assert from "node:assert/strict";
import { test } from "node:test";
import { configArgument, roleOf, savedNetworkNamespace } from "../../../src/core/watchdog/processes.ts";

const CONFIG = "/var/run/efs/stunnel-config.fs-1.mnt.efs.20049";
const MARK = { config: CONFIG, cmd: ["/usr/bin/stunnel", CONFIG] };

const cases: [what: string, argv: string[], role: string | undefined][] = [
  ["stunnel", ["/usr/bin/stunnel", CONFIG], "stunnel"],
  ["Amazon Linux's stunnel", ["stunnel5", CONFIG], "stunnel"],
  ["another helper's proxy", ["/usr/bin/efs-proxy", CONFIG, "--tls"], "stunnel"],
  ["a wrapper script", ["/bin/sh", "/usr/local/bin/stunnel", CONFIG], "stunnel"],
  ["by the link's own name", ["/usr/bin/stunnel", CONFIG.replace("/var/run", "/run")], "stunnel"],
  ["keeper", ["/bin/sh", "/usr/lib/efs-tunnel-keeper", "/usr/bin/stunnel", CONFIG, "/d", "socket"], "keeper"],
  ["another tunnel", ["/usr/bin/stunnel", `${CONFIG}0`], undefined],
  ["an editor", ["vim", CONFIG], undefined],
  ["a search", ["grep", "-r", "stunnel", CONFIG], undefined],
  ["a shell's argument", ["bash", "-c", `stunnel ${CONFIG}`], undefined],
  ["a hand-made tunnel", ["/usr/bin/stunnel", "/etc/stunnel/stunnel.conf"], undefined],
  ["a process without arguments", [], undefined],
];

for (const [what, argv, role] of cases) {
  test(`recognised by its arguments: ${what} -> ${role}`, () => assert.equal(roleOf(argv, MARK), role));
}

test("a program that the state file names is recognised, also behind nsenter", () => {
  const cmd = ["nsenter", "--net=/run/netns/x", "/opt/tls-proxy", CONFIG];
  assert.equal(roleOf(["/opt/tls-proxy", CONFIG], { config: CONFIG, cmd }), "stunnel");
  assert.equal(roleOf(["/opt/other", CONFIG], { config: CONFIG, cmd }), undefined);
  assert.equal(savedNetworkNamespace(cmd), "/run/netns/x");
  assert.equal(savedNetworkNamespace(["/usr/bin/stunnel", CONFIG]), undefined);
});

test("a configuration of another state directory is not ours", () => {
  assert.equal(configArgument(["/usr/bin/stunnel", CONFIG], "/var/run/efs"), CONFIG);
  assert.equal(configArgument(["/usr/bin/stunnel", CONFIG], "/var/run/other"), undefined);
  assert.equal(configArgument(["/usr/bin/stunnel", "/var/run/efs/x"], "/var/run/efs"), undefined);
});
