/** A tunnel of a suite's stunnel while it is used: what is told of it, its renewal, its death. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { utcTimeText } from "../../src/core/certificate/certificate.ts";
import { eventually } from "../support/watchdog-rig.ts";
import { Caller } from "./caller.ts";
import { STATE_DIRECTORY, type SuiteMachine } from "./machine.ts";

const MOUNTS = "/tmp/mounts.json";
const PLACE = "in-use";
const HOUR_MS = 3_600_000;
/** So many answers after a change show that it goes on. */
const ANSWERS = 50;
const LIMIT_MS = 60_000;
/** What the doctor looks at with stunnel, or through it. */
const LOOKS = [
  "stunnel",
  "stunnel-features",
  "authorities",
  "name",
  "port-2049",
  "tls-handshake",
  "ocsp-responder",
];
const FINE = ["ok", "note"];

interface State {
  readonly pid: number;
  readonly certificateCreationTime: string;
}

/** @param fileSystem one whose server is good, and has a responder that says so */
export async function tunnelInUse(t: TestContext, machine: SuiteMachine, fileSystem: string): Promise<void> {
  const mounted = await machine.mount(fileSystem, PLACE, "tls");
  assert.deepEqual({ status: mounted.status, stderr: mounted.stderr }, { status: 0, stderr: "" });
  const [base = ""] = machine.filesOf(fileSystem).filter((name) => /^fs-.*\d$/.test(name));
  const file = `${STATE_DIRECTORY}/${base}`;
  const port = Number(base.split(".").at(-1));
  const state = (): State => JSON.parse(machine.read(file));
  const caller = new Caller(port);
  const goesOn = async (what: string) => {
    const before = caller.answered;
    await eventually(what, () => caller.answered > before + ANSWERS, LIMIT_MS);
  };
  machine.write(MOUNTS, JSON.stringify([[`/mnt/${PLACE}`, port]]));
  try {
    await goesOn("calls are answered");

    await t.test("logs tells nothing of its connections", async () => {
      const { stdout } = await machine.program("efs-utils", "logs", `/mnt/${PLACE}`, "--json");
      const { entries } = JSON.parse(stdout) as {
        entries: { source: string }[];
      };
      assert.ok(entries.length > 0);
      assert.deepEqual(
        entries.filter(({ source }) => source === "tunnel"),
        [],
      );
    });

    await t.test("doctor finds nothing wrong with it", async () => {
      const { stdout } = await machine.program("efs-utils", "doctor", fileSystem, "--json");
      const { checks } = JSON.parse(stdout) as { checks: { id: string; findings: { verdict: string }[] }[] };
      const looks = checks.filter(({ id }) => LOOKS.includes(id));
      assert.deepEqual(
        looks.map(({ id }) => id),
        LOOKS,
      );
      const wrong = looks.filter(({ findings }) => findings.some(({ verdict }) => !FINE.includes(verdict)));
      assert.deepEqual(wrong, []);
    });

    await t.test("status tells that its server answers", async () => {
      const args = [MOUNTS, STATE_DIRECTORY, "/var/log/amazon/efs"];
      const { stdout } = await machine.program("own-status", ...args);
      const [mount] = JSON.parse(stdout).mounts;
      assert.deepEqual([mount?.answer?.outcome, mount?.problems], ["answered", []], stdout);
    });

    await t.test("its certificate is renewed, and no connection breaks", async () => {
      const { pid, ...rest } = state();
      const old = utcTimeText(new Date(Date.now() - 2 * HOUR_MS));
      machine.write(file, JSON.stringify({ ...rest, pid, certificateCreationTime: old }));
      const { refused, broken } = caller;
      const watchdog = machine.start("own-watchdog", STATE_DIRECTORY, machine.keeper, MOUNTS);
      try {
        await eventually("it is renewed", () => state().certificateCreationTime !== old, LIMIT_MS);
      } catch (error) {
        assert.fail(`${error}: ${watchdog.output()}`);
      } finally {
        await watchdog.stop();
      }
      assert.doesNotMatch(watchdog.output(), /^(WARNING|ERROR|CRITICAL)/m);
      await goesOn("calls are answered after the renewal");
      assert.deepEqual([caller.refused, caller.broken, state().pid], [refused, broken, pid]);
    });

    await t.test("where stunnel is killed, no connection is refused", async () => {
      const { refused } = caller;
      process.kill(state().pid, "SIGKILL");
      await goesOn("calls are answered by the next stunnel");
      assert.equal(caller.refused, refused);
    });
  } finally {
    await caller.stop();
    machine.endTunnels(fileSystem);
  }
}
