import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  formatState,
  LONGEST_STATE_FILE,
  parseState,
  type TunnelState,
} from "../../../src/core/state/state.ts";
import { assertProblem, problemOf } from "../../support/problem.ts";

const DIRECTORY = "/var/run/efs";
const BASE = "fs-0123456789abcdef0.mnt.efs.20049";

/** A state file as this helper writes it. */
const FULL: TunnelState = {
  pid: 4711,
  cmd: ["/usr/bin/stunnel", `${DIRECTORY}/stunnel-config.${BASE}`],
  files: [`${DIRECTORY}/stunnel-config.${BASE}`],
  mount_time: 1_700_000_000.25,
  mountpoint: "/mnt/efs",
  service_type: "elasticfilesystem",
  mountStateDir: `${BASE}+`,
  commonName: "host.example",
  region: "us-east-1",
  certificateCreationTime: "260101000000Z",
  certificate: `${DIRECTORY}/${BASE}+/certificate.pem`,
  privateKey: "/etc/amazon/efs/privateKey.pem",
  fsId: "fs-0123456789abcdef0",
  accessPoint: "fsap-0123456789abcdef0",
  awsCredentialsMethod: "credentials:default",
  unmount_time: 1_700_000_100.5,
  unmount_count: 2,
  last_stunnel_check_time: 1_700_000_050,
  pidStartTime: 123_456,
  keeper: { pid: 4710, startTime: 123_450 },
  helper: { pid: 4700, startTime: 123_400 },
  namespaces: { boot: "9d6c7d3c-0a0c-4a3e-a4b7-0d4f8c1f2a3b", pid: 4_026_531_836, net: 4_026_531_840 },
  networkNamespace: "/run/netns/blue",
  inheritsSocket: true,
};

const read = (value: unknown, directory = DIRECTORY) => parseState(JSON.stringify(value), BASE, directory);

test("what is written is read to the same", () => {
  assert.deepEqual(parseState(formatState(FULL), BASE, DIRECTORY), FULL);
});

test("state files of other helpers are read, with what they lack", () => {
  const reference = {
    pid: 123,
    cmd: ["/usr/bin/stunnel", "/var/run/efs/stunnel-config.fs-deadbeef.mnt.20050"],
    files: ["/var/run/efs/stunnel-config.fs-deadbeef.mnt.20050"],
    mount_time: 1_700_000_000.123_456,
    mountpoint: "/mnt",
    mountStateDir: "fs-deadbeef.mnt.20050+",
    privateKey: "/etc/amazon/efs/privateKey.pem",
    region: "us-east-1",
    accessPoint: null,
    awsCredentialsMethod: null,
    useIam: false,
  };
  const { accessPoint: _, awsCredentialsMethod: __, ...given } = reference;
  assert.deepEqual(read(reference), given);
  assert.deepEqual(read({}), { pid: -1, cmd: [], files: [] });
});

const PATHS: [file: unknown, accepted: boolean][] = [
  [`${DIRECTORY}/stunnel-config.${BASE}`, true],
  [`${DIRECTORY}/${BASE}+/certificate.pem`, true],
  [`/run/efs/${BASE}`, true],
  [`${DIRECTORY}/a b`, true],
  [`${DIRECTORY}/..a`, true],
  [DIRECTORY, false],
  [`${DIRECTORY}/`, false],
  [`${DIRECTORY}/x/`, false],
  ["/var/run/efs-evil/x", false],
  ["/run/efs-evil/x", false],
  ["/etc/passwd", false],
  [`${DIRECTORY}/../../../etc/passwd`, false],
  [`${DIRECTORY}/x/..`, false],
  [`${DIRECTORY}/x/../y`, false],
  [`${DIRECTORY}/./x`, false],
  [`${DIRECTORY}//x`, false],
  [`//var/run/efs/x`, false],
  [`/tmp${DIRECTORY}/x`, false],
  ["stunnel-config", false],
  ["", false],
  [`${DIRECTORY}/a\0b`, false],
  [`${DIRECTORY}/a\nb`, false],
  [7, false],
  [null, false],
  [[`${DIRECTORY}/x`], false],
];
for (const [file, accepted] of PATHS) {
  test(`the file ${JSON.stringify(file)} is ${accepted ? "the tunnel's" : "refused"}`, () => {
    const state = { ...FULL, files: [file] };
    if (accepted) assert.deepEqual(read(state).files, [file]);
    else
      assertProblem(() => read(state), "system", `${DIRECTORY}/${BASE}`, "has a wrong files", "left alone");
    if (file === null) return;
    const certificate = { ...FULL, certificate: file };
    if (accepted) assert.equal(read(certificate).certificate, file);
    else assertProblem(() => read(certificate), "system", "has a wrong certificate");
  });
}

test("a state directory elsewhere holds its own files only", () => {
  const elsewhere = { files: ["/tmp/state/x"] };
  assert.deepEqual(read(elsewhere, "/tmp/state").files, elsewhere.files);
  assertProblem(() => read(elsewhere), "system", "wrong files");
  assertProblem(() => read({ files: ["/var/run/efs/x"] }, "/tmp/state"), "system", "wrong files");
});

/** For each key what it must never be. */
const WRONG: [key: keyof TunnelState, values: unknown[]][] = [
  ["pid", [0, 1, -2, -4711, 1.5, 2 ** 53, 1e300, "4711", true, [4711], {}]],
  ["pidStartTime", [-1, 1.5, "1"]],
  ["cmd", ["stunnel", [1], [["x"]], ["a\nb"], {}]],
  ["files", ["x", {}, [[]]]],
  ["mount_time", [-1, "1", true]],
  ["mountpoint", [7, "/mnt\nx", ["/mnt"], {}]],
  ["service_type", [7]],
  ["mountStateDir", ["", ".", "..", "a/b", "../x", "/x", "a\0", 7]],
  ["commonName", [7, "a\nb"]],
  ["region", ["", "us-east-1/", "../x", "US-EAST-1", 7]],
  ["certificateCreationTime", ["", "2026", "20260101000000Z", "260101000000", 7]],
  ["privateKey", ["key.pem", "", 7]],
  ["fsId", ["", "fs-", "fs-XYZ", "fs-1/../x", "fs-1\n", 7]],
  ["accessPoint", [7, "a\nb"]],
  ["awsCredentialsMethod", [7, "a\nb"]],
  ["unmount_time", [-1, "1"]],
  ["unmount_count", [-1, 0.5, "1"]],
  ["last_stunnel_check_time", [-1, "1"]],
  [
    "keeper",
    [
      7,
      "x",
      [],
      {},
      { pid: 2 },
      { pid: 1, startTime: 1 },
      { pid: -1, startTime: 1 },
      { pid: 2, startTime: "1" },
    ],
  ],
  [
    "helper",
    [
      { pid: 0, startTime: 1 },
      { pid: 2.5, startTime: 1 },
      { pid: 2, startTime: -1 },
    ],
  ],
  ["networkNamespace", ["blue", "", 7, "/run/a\nb"]],
  ["inheritsSocket", ["true", 1]],
  ["namespaces", [1, "here", {}, { boot: "x", pid: "1", net: 1 }, { boot: "x\n", pid: 1, net: 1 }]],
];
for (const [key, values] of WRONG) {
  test(`a wrong ${key} is refused by name`, () => {
    for (const value of values) {
      assertProblem(
        () => read({ ...FULL, [key]: value }),
        "system",
        BASE,
        `has a wrong ${key}`,
        "left alone",
      );
    }
  });
}

const NO_STATE: [text: string, why: string][] = [
  ["", "is empty"],
  ["  \n", "is empty"],
  ["{", "is not JSON"],
  ["x", "is not JSON"],
  ["\0\0\0\0", "is not JSON"],
  ["[]", "is not a JSON object"],
  ["null", "is not a JSON object"],
  ["7", "is not a JSON object"],
  ['"text"', "is not a JSON object"],
  [`{"x":"${"a".repeat(LONGEST_STATE_FILE)}"}`, "is too long"],
];
for (const [text, why] of NO_STATE) {
  test(`a file with ${JSON.stringify(text.slice(0, 10))} ${why}`, () => {
    assertProblem(() => parseState(text, BASE, DIRECTORY), "system", BASE, why);
  });
}

test("a deeply nested file ends in an error of ours or a state, not in the stack", () => {
  const text = `{"x":${"[".repeat(60_000)}${"]".repeat(60_000)}}`;
  problemOf(() => parseState(text, BASE, DIRECTORY));
});

test("a name that belongs to all objects is a key like others", () => {
  const text = '{"__proto__":{"pid":1,"files":["/etc/passwd"]},"constructor":1,"toString":2}';
  const state = parseState(text, BASE, DIRECTORY);
  assert.deepEqual([state.pid, state.files], [-1, []]);
  assert.equal(Object.getPrototypeOf(state), Object.prototype);
  assert.deepEqual(
    JSON.parse(formatState(state)),
    JSON.parse(`{"pid":-1,"cmd":[],"files":[],${text.slice(1)}`),
  );
});

const identity = fc.record(
  { pid: fc.integer({ min: 2, max: 4_194_304 }), startTime: fc.nat() },
  { noNullPrototype: true },
);
const plain = fc.string({ unit: "grapheme" }).map((text) => text.replaceAll(/\p{Cc}/gu, ""));
const fileName = plain.map((text) => `x${text.replaceAll("/", "")}`);
const inside = fileName.map((name) => `${DIRECTORY}/${name}`);
const time = fc.double({ min: 0, max: 1e11, noNaN: true });
const anyState = fc.record(
  {
    pid: fc.oneof(fc.constant(-1), fc.integer({ min: 2 })),
    cmd: fc.array(plain),
    files: fc.array(inside),
    mount_time: time,
    mountpoint: plain,
    service_type: plain,
    mountStateDir: fileName,
    commonName: plain,
    region: fc.constantFrom("us-east-1", "us-gov-west-1"),
    certificateCreationTime: fc.constant("260101000000Z"),
    certificate: inside,
    privateKey: plain.map((text) => `/${text}`),
    fsId: fc.nat().map((number) => `fs-${number.toString(16)}`),
    accessPoint: plain,
    awsCredentialsMethod: plain,
    unmount_time: time,
    unmount_count: fc.nat(),
    last_stunnel_check_time: time,
    pidStartTime: fc.nat(),
    keeper: identity,
    helper: identity,
    namespaces: fc.record({ boot: plain, pid: fc.nat(), net: fc.nat() }, { noNullPrototype: true }),
    networkNamespace: plain.map((text) => `/${text}`),
    inheritsSocket: fc.boolean(),
  },
  { requiredKeys: ["pid", "cmd", "files"], noNullPrototype: true },
);

test("every state is read as it was written, byte for byte", () => {
  fc.assert(
    fc.property(anyState, (state) => {
      const text = formatState(state);
      if (text.includes("-0")) return;
      assert.deepEqual(parseState(text, BASE, DIRECTORY), state);
      assert.equal(formatState(parseState(text, BASE, DIRECTORY)), text);
    }),
  );
});

test("a good state with one thing changed is a state or an error of ours", () => {
  const key = fc.constantFrom(...(Object.keys(FULL) as (keyof TunnelState)[]));
  const value = fc.oneof(fc.jsonValue(), fc.constantFrom<unknown>(...Object.values(FULL)));
  fc.assert(
    fc.property(key, value, (name, changed) => void problemOf(() => read({ ...FULL, [name]: changed }))),
    { numRuns: 500 },
  );
  const text = formatState(FULL);
  fc.assert(
    fc.property(
      fc.nat({ max: text.length }),
      fc.nat({ max: 3 }),
      fc.string({ maxLength: 3 }),
      (at, gone, put) => {
        problemOf(() => parseState(text.slice(0, at) + put + text.slice(at + gone), BASE, DIRECTORY));
      },
    ),
    { numRuns: 500 },
  );
});
