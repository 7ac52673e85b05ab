/** Mounts with the stunnels and OpenSSLs of several Debian releases: see cases.ts for what is tried with each. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import type { Test } from "../app/authority.ts";
import { buildInto } from "../bin/built.ts";
import { inNamespaces, NO_NAMESPACES, run } from "../fakes/namespaces.ts";
import { CASES, type Case } from "./cases.ts";
import { type Ended, type Given, SuiteMachine } from "./machine.ts";
import { DOMAIN, Pki } from "./pki.ts";
import { startResponders } from "./responders.ts";
import { startServer } from "./servers.ts";
import { SUITES, suiteRoot } from "./suites.ts";

const LIMIT_MS = 600_000;
/** Mounts at a time: most of their time is spent waiting. */
const CONCURRENCY = 4;
/** A case is answered in this time. */
const ANSWER_LIMIT_MS = 5000;
/** A mount is made in this time over what the bare handshake takes. */
const MOUNT_LIMIT_MS = 1000;
/** Other programs' work on this machine is no mount's: the quickest of so many tries counts. */
const TRIES = 3;

const number = (index: number) => String(index + 1);
const fileSystem = (index: number) => `fs-${number(index).padStart(8, "0")}`;
const address = (index: number) => `127.0.1.${number(index)}`;

/** The servers of all cases, and what each machine is given. */
async function world(group: Test): Promise<Given> {
  run("mount", "--make-rprivate", "/");
  run("mount", "-t", "tmpfs", "tmpfs", "/media");
  const folder = mkdtempSync("/media/world-");
  const programs = join(folder, "programs");
  mkdirSync(programs);
  buildInto(programs);
  const pki = new Pki(join(folder, "pki"));
  await startResponders(group, pki);
  for (const [index, { server = "answers", certificate = "no-AIA" }] of CASES.entries())
    await startServer(server, {
      test: group,
      address: address(index),
      identity: pki.server(certificate),
      pki,
    });
  const hosts = new Map(CASES.map((_, index) => [`${fileSystem(index)}.${DOMAIN}`, address(index)]));
  return { programs, authority: pki.file("authority.pem"), hosts, privateKey: pki.file("other.key") };
}

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

/** How long openssl(1) of the suite takes for a handshake alone. */
async function bareHandshake(machine: SuiteMachine, index: number): Promise<number> {
  const place = [
    "-connect",
    `${address(index)}:2049`,
    "-tls1_2",
    "-servername",
    `${fileSystem(index)}.${DOMAIN}`,
  ];
  return (await machine.run("/usr/bin/openssl", "s_client", "-brief", ...place)).tookMs;
}

async function least(measure: () => Promise<number>): Promise<number> {
  const values: number[] = [];
  for (let count = 0; count < TRIES; count += 1) values.push(await measure());
  return Math.min(...values);
}

async function cases(group: Test): Promise<void> {
  const given = await world(group);
  for (const [which, suite] of SUITES.entries()) {
    describe(`with the stunnel of ${suite}`, { concurrency: CONCURRENCY }, () => {
      const machine = new SuiteMachine(group, userlands[which] ?? "", given);
      for (const [index, one] of CASES.entries()) {
        test(`${suite}: ${one.name}: ${one.verdict.kind}`, async () => {
          const seen = await attempt(machine, one, index);
          checkVerdict(one, seen);
          if (one.verdict.kind !== "refused" || seen.tookMs < ANSWER_LIMIT_MS) return;
          const quickest = await least(async () => (await attempt(machine, one, index)).tookMs);
          assert.ok(quickest < ANSWER_LIMIT_MS, `answered after ${quickest.toFixed(0)} ms`);
        });
      }
    });
  }
}

// in the namespaces there is no network
const userlands = NO_NAMESPACES === false ? await Promise.all(SUITES.map(suiteRoot)) : [];
await inNamespaces(
  ["--mount", "--pid", "--mount-proc"],
  async () => {
    const cleanUps: (() => unknown)[] = [];
    after(async () => {
      for (const cleanUp of cleanUps.reverse()) await cleanUp();
    });
    await cases({ after: (cleanUp) => void cleanUps.push(cleanUp) });
  },
  LIMIT_MS,
);
