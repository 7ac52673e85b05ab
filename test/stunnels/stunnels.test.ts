/** Mounts with the stunnels and OpenSSLs of several Debian releases: see cases.ts for what is tried with each. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { inNamespaces, NO_NAMESPACES } from "../fakes/namespaces.ts";
import type { Test } from "../support/authority.ts";
import { CASES, type Case } from "./cases.ts";
import { tunnelInUse } from "./in-use.ts";
import { SuiteMachine } from "./machine.ts";
import { DOMAIN } from "./pki.ts";
import { SUITES, suiteRoot } from "./suites.ts";
import { bareHandshake, least, slowness } from "./times.ts";
import { fileSystem, world } from "./world.ts";

const LIMIT_MS = 1_200_000;
/** Mounts at a time: most of their time is spent waiting. */
const CONCURRENCY = 4;
/** A case is answered in this time. */
const ANSWER_LIMIT_MS = 5000;
/** A mount is made in this time over what the bare handshake takes. */
const MOUNT_LIMIT_MS = 1000;

/** One mount of a case, and what was seen of it. */
async function attempt(machine: SuiteMachine, { name, options }: Case, index: number) {
  const before = machine.nfsMounts(name);
  const ended = await machine.mount(fileSystem(index), name, ["tls", options ?? []].flat().join());
  const files = machine.filesOf(fileSystem(index));
  machine.endTunnels(fileSystem(index));
  return { ...ended, nfsMounts: machine.nfsMounts(name) - before, files };
}

function checkVerdict({ verdict }: Case, seen: Awaited<ReturnType<typeof attempt>>): void {
  const { status, stderr, nfsMounts, files } = seen;
  const told = JSON.stringify(seen, undefined, 1);
  if (verdict.kind === "mounted") {
    assert.deepEqual({ status, stderr, nfsMounts }, { status: 0, stderr: "", nfsMounts: 1 }, told);
    return;
  }
  assert.equal(status, 32, told);
  assert.match(stderr, verdict.says);
  assert.match(stderr, /^mount\.efs: [^\n]+\n$/);
  assert.equal(nfsMounts, verdict.kind === "refused" ? 0 : 1, told);
  assert.deepEqual(files, [], "something is left");
}

/** A refusal that came late is tried again, on a machine that is perhaps busy. */
async function checkTime(machine: SuiteMachine, one: Case, index: number, tookMs: number): Promise<void> {
  if (one.verdict.kind !== "refused" || tookMs < ANSWER_LIMIT_MS) return;
  const quickest = await least(() => attempt(machine, one, index));
  const limit = ANSWER_LIMIT_MS * (await slowness(machine));
  assert.ok(quickest < limit, `answered after ${quickest.toFixed(0)} ms, not within ${limit.toFixed(0)}`);
}

async function checkQuickMount(machine: SuiteMachine, one: Case, index: number): Promise<void> {
  const mount = await least(() => attempt(machine, one, index));
  const handshake = await bareHandshake(machine, `${fileSystem(index)}.${DOMAIN}`);
  const limit = handshake + MOUNT_LIMIT_MS * (await slowness(machine));
  assert.ok(
    mount < limit,
    `mounted after ${mount.toFixed(0)} ms, the handshake takes ${handshake.toFixed(0)}`,
  );
}

async function suites(group: Test): Promise<void> {
  const given = await world(group);
  const good = CASES.findIndex(({ name }) => name === "good");
  for (const [which, suite] of SUITES.entries()) {
    const machine = new SuiteMachine(group, userlands[which] ?? "", given);
    describe(`with the stunnel of ${suite}`, { concurrency: CONCURRENCY }, () => {
      for (const [index, one] of CASES.entries()) {
        test(`${suite}: ${one.name}: ${one.verdict.kind}`, async () => {
          const seen = await attempt(machine, one, index);
          checkVerdict(one, seen);
          await checkTime(machine, one, index, seen.tookMs);
        });
      }
    });
    describe(`with the stunnel of ${suite}, alone`, () => {
      test(`${suite}: a mount takes a second more than a handshake at most`, () =>
        checkQuickMount(machine, CASES[good] as Case, good));
      test(`${suite}: a tunnel in use`, (t) => tunnelInUse(t, machine, fileSystem(good)));
    });
  }
}

// in the namespaces there is no network
const userlands = NO_NAMESPACES === false ? await Promise.all(SUITES.map((suite) => suiteRoot(suite))) : [];
await inNamespaces(
  ["--mount", "--pid", "--mount-proc"],
  async () => {
    const cleanUps: (() => unknown)[] = [];
    after(async () => {
      for (const cleanUp of cleanUps.reverse()) await cleanUp();
    });
    await suites({ after: (cleanUp) => void cleanUps.push(cleanUp) });
  },
  LIMIT_MS,
);
