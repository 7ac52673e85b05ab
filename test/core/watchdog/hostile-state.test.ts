import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { EfsError } from "../../../src/core/errors.ts";
import { formatState, parseState } from "../../../src/core/state/state.ts";

const DIRECTORY = "/var/run/efs";
const NAME = "fs-1.mnt.efs.20049";
const GOOD = {
  pid: 4711,
  cmd: ["/usr/bin/stunnel", `${DIRECTORY}/stunnel-config.${NAME}`],
  files: [`${DIRECTORY}/stunnel-config.${NAME}`],
  mount_time: 1_700_000_000.25,
  mountpoint: "/mnt/efs",
  service_type: "elasticfilesystem",
  mountStateDir: `${NAME}+`,
  region: "us-east-1",
  certificateCreationTime: "260101000000Z",
  certificate: `${DIRECTORY}/${NAME}+/certificate.pem`,
  privateKey: "/etc/amazon/efs/privateKey.pem",
  fsId: "fs-1",
};

/** Reads the text, and returns the error that it leads to. */
function problemOf(text: string): EfsError | undefined {
  try {
    parseState(text, NAME, DIRECTORY);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof EfsError, String(error));
    return error;
  }
}

const bad: [what: string, change: Record<string, unknown>][] = [
  ["pid 1", { pid: 1 }],
  ["pid 0, which is a process group", { pid: 0 }],
  ["pid -2, which is one too", { pid: -2 }],
  ["a pid that is a text", { pid: "4711" }],
  ["a pid with a fraction", { pid: 4711.5 }],
  ["files that are no list", { files: "/etc/passwd" }],
  ["a file elsewhere", { files: ["/etc/passwd"] }],
  ["a file elsewhere, by dots", { files: [`${DIRECTORY}/../../../etc/passwd`] }],
  ["a file in a directory whose name begins alike", { files: ["/var/run/efs-other/x"] }],
  ["the state directory itself", { files: [DIRECTORY] }],
  ["a certificate elsewhere", { certificate: "/etc/ssl/cert.pem" }],
  ["a directory elsewhere", { mountStateDir: "../../etc" }],
  ["a keeper with pid 1", { keeper: { pid: 1, startTime: 5 } }],
  ["a keeper without a start time", { keeper: { pid: 4711 } }],
  ["a mount point with a line break", { mountpoint: "/mnt\n2026 - INFO - all is well" }],
  ["a region that is a host name", { region: "example.com/" }],
  ["a command that is a text", { cmd: "stunnel" }],
];
for (const [what, change] of bad) {
  test(`refused: ${what}`, () => {
    const problem = problemOf(JSON.stringify({ ...GOOD, ...change }));
    assert.equal(problem?.kind, "system");
    assert.match(problem?.message ?? "", new RegExp(`${NAME}.* has a wrong ${Object.keys(change)[0]}`));
  });
}

test("what an older helper leaves out, or writes null for, is no error", () => {
  for (const key of Object.keys(GOOD)) {
    const { [key]: _, ...rest } = GOOD as Record<string, unknown>;
    assert.equal(problemOf(JSON.stringify(rest)), undefined, key);
    assert.equal(problemOf(JSON.stringify({ ...GOOD, [key]: null })), undefined, key);
  }
});

test("empty, truncated and huge files are refused", () => {
  const text = JSON.stringify(GOOD);
  for (let length = 0; length < text.length; length += 1) assert.ok(problemOf(text.slice(0, length)));
  assert.match(problemOf("")?.message ?? "", /is empty/);
  assert.match(problemOf(`${" ".repeat(300_000)}${text}`)?.message ?? "", /too long/);
});

const key = fc.oneof(fc.constantFrom(...Object.keys(GOOD), "keeper", "helper", "__proto__"), fc.string());
const hostile = fc.dictionary(key, fc.oneof(fc.jsonValue(), fc.constantFrom(...Object.values(GOOD))));

test("whatever a state file holds, reading it gives a state or an error of ours", () => {
  fc.assert(fc.property(fc.string(), (text) => void problemOf(text)));
  fc.assert(fc.property(fc.json(), (text) => void problemOf(text)));
  fc.assert(fc.property(hostile, (value) => void problemOf(JSON.stringify({ ...GOOD, ...value }))));
});

test("a state that is read names only pids that may be signalled and files that may be deleted", () => {
  fc.assert(
    fc.property(hostile, (value) => {
      const text = JSON.stringify({ ...GOOD, ...value });
      if (problemOf(text) !== undefined) return;
      const state = parseState(text, NAME, DIRECTORY);
      assert.ok(state.pid === -1 || (Number.isSafeInteger(state.pid) && state.pid > 1));
      for (const file of state.files) assert.match(file, /^(\/var)?\/run\/efs\/./);
      for (const file of state.files) assert.doesNotMatch(file, /(^|\/)\.\.?(\/|$)/);
    }),
  );
});

test("keys that this version does not know are kept", () => {
  fc.assert(
    fc.property(fc.string(), fc.jsonValue(), (name, value) => {
      if (Object.hasOwn(GOOD, name) || name === "__proto__" || value === null) return;
      const state = parseState(JSON.stringify({ ...GOOD, [`x-${name}`]: value }), NAME, DIRECTORY);
      const again = JSON.parse(formatState(state)) as Record<string, unknown>;
      assert.deepEqual(again[`x-${name}`], JSON.parse(JSON.stringify(value)));
    }),
  );
});
