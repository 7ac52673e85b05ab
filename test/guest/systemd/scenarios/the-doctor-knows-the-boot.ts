import assert from "node:assert/strict";
import { scenario } from "../../runner/scenario.ts";
import { watchdogPid } from "../systemd.ts";

interface Check {
  readonly id: string;
  readonly findings: readonly {
    readonly verdict: string;
    readonly finding: string;
    readonly remedy?: string;
  }[];
}

export default scenario(async (guest) => {
  const { stdout } = await guest.run("efs-utils", ["doctor", "--json"]);
  const { checks } = JSON.parse(stdout) as { checks: Check[] };
  const said = (id: string) =>
    checks
      .find((check) => check.id === id)
      ?.findings.map(({ verdict, finding, remedy }) => `${verdict}: ${finding} | ${remedy}`)
      .join("\n") ?? "";
  for (const id of ["watchdog", "boot", "fstab", "state-directory"]) guest.log(`${id}\n${said(id)}`);

  const pid = await watchdogPid(guest);
  assert.match(said("watchdog"), new RegExp(`^ok: process ${pid} runs, version `));
  assert.match(said("watchdog"), /^note: it is not started at boot.*systemctl enable/m);
  // the guest's network is made by no service that could be waited for
  assert.match(said("boot"), /^warning: nothing waits for the network at boot/m);
  assert.doesNotMatch(said("boot"), /remote-fs\.target is not enabled/);
  assert.match(said("fstab"), /^ok: line \d+ \(.*_netdev/m);
});
