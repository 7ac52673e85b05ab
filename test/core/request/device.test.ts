import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseDevice, parseEfsHostName } from "../../../src/core/request/device.ts";
import { parseMountPoint } from "../../../src/core/request/mount-point.ts";
import { anyText } from "../../support/any-text.ts";
import { assertProblem, problemOf } from "../../support/problem.ts";

const ID = "fs-0123456789abcdef0";
const NAME = `${ID}.efs.us-east-1.amazonaws.com`;

const DEVICES: [text: string, named: string, path: string][] = [
  [ID, `id ${ID}`, "/"],
  [`${ID}:`, `id ${ID}`, "/"],
  [`${ID}:/`, `id ${ID}`, "/"],
  [`${ID}:/some/path`, `id ${ID}`, "/some/path"],
  [`${ID}:/with blanks/and:colons`, `id ${ID}`, "/with blanks/and:colons"],
  [`${ID}:/größe`, `id ${ID}`, "/größe"],
  ["fs-abc", "id fs-abc", "/"],
  [NAME, `name ${NAME}`, "/"],
  [`${NAME}:/data`, `name ${NAME}`, "/data"],
  [`us-east-1a.${NAME}:/`, `name us-east-1a.${NAME}`, "/"],
  [`${NAME}.:/`, `name ${NAME}.`, "/"],
  ["files.example.com:/", "name files.example.com", "/"],
  ["FS-ABC:/", "name FS-ABC", "/"],
  ["fs-xyz:/", "name fs-xyz", "/"],
];
for (const [text, named, path] of DEVICES) {
  test(`the device ${text} is ${named} and ${path}`, () => {
    const { device, remotePath } = parseDevice(text);
    assert.equal(device.kind === "id" ? `id ${device.fsId}` : `name ${device.host}`, named);
    assert.equal(remotePath, path);
  });
}

const BAD_DEVICES = [
  "",
  ":/",
  "/dev/sda1",
  "-o",
  "fs-1 2:/",
  "fs-1/x:/",
  ".example.com:/",
  "a..b:/",
  `${"a".repeat(64)}.com:/`,
  `${"abcdefgh.".repeat(29)}com:/`,
  "fs-1:/a\nb",
  "fs-1\0:/",
  "büro.example.com:/",
  "host;reboot:/",
];
for (const text of BAD_DEVICES) {
  test(`the device ${JSON.stringify(text).slice(0, 40)} is refused, with how it is written`, () => {
    assertProblem(() => parseDevice(text), "usage", "the device", "fs-12345678:/");
  });
}

const digits = (count: number) =>
  fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: count });
const id = digits(1).map((text) => `fs-${text}`);
const path = fc.string({ unit: "grapheme" }).map((text) => `/${text.replaceAll(/\p{Cc}/gu, "")}`);

test("whatever the device is, reading it gives a device or an error of ours", () => {
  const likely = fc.tuple(fc.constantFrom(ID, NAME, "", "a.b", ".."), fc.constantFrom(":", ""), fc.string());
  fc.assert(fc.property(anyText(), (text) => void problemOf(() => parseDevice(text))));
  fc.assert(fc.property(likely, (parts) => void problemOf(() => parseDevice(parts.join("")))));
});

test("every id with every path is read as it is written", () => {
  fc.assert(
    fc.property(id, path, (fsId, remotePath) => {
      assert.deepEqual(parseDevice(`${fsId}:${remotePath}`), { device: { kind: "id", fsId }, remotePath });
    }),
  );
});

const HOST_NAMES: [host: string, parts: string | undefined][] = [
  [NAME, `${ID} us-east-1 - amazonaws.com`],
  [`${NAME}.`, `${ID} us-east-1 - amazonaws.com`],
  [`us-east-1a.${NAME}`, `${ID} us-east-1 us-east-1a amazonaws.com`],
  [`use1-az1.${NAME}`, `${ID} us-east-1 use1-az1 amazonaws.com`],
  ["fs-1.efs.cn-north-1.amazonaws.com.cn", "fs-1 cn-north-1 - amazonaws.com.cn"],
  ["fs-1.efs.us-gov-west-1.amazonaws.com", "fs-1 us-gov-west-1 - amazonaws.com"],
  ["fs-1.efs.us-east-1", undefined],
  ["fs-1.efs.region.amazonaws.com", undefined],
  ["fs-1.s3.us-east-1.amazonaws.com", undefined],
  ["a.b.fs-1.efs.us-east-1.amazonaws.com", undefined],
  ["fs-G.efs.us-east-1.amazonaws.com", undefined],
  ["files.example.com", undefined],
];
for (const [host, parts] of HOST_NAMES) {
  test(`the host name ${host} is ${parts === undefined ? "none of EFS" : `of ${parts}`}`, () => {
    const name = parseEfsHostName(host);
    const shown = name && `${name.fsId} ${name.region} ${name.zone ?? "-"} ${name.suffix}`;
    assert.equal(shown, parts);
  });
}

const MOUNT_POINTS: [text: string, from: string, mountPoint: string][] = [
  ["/mnt/efs", "/", "/mnt/efs"],
  ["/mnt/efs/", "/", "/mnt/efs"],
  ["/mnt//efs///", "/", "/mnt/efs"],
  ["//mnt/efs", "/", "/mnt/efs"],
  ["/mnt/./efs/../other", "/", "/mnt/other"],
  ["/..", "/", "/"],
  ["/", "/home", "/"],
  [".", "/home/user", "/home/user"],
  ["efs", "/home/user", "/home/user/efs"],
  ["../efs", "/home/user", "/home/efs"],
  ["/mnt/my files", "/", "/mnt/my files"],
  ["/mnt/größe", "/", "/mnt/größe"],
];
for (const [text, from, mountPoint] of MOUNT_POINTS) {
  test(`the mount point ${text} in ${from} is ${mountPoint}`, () => {
    assert.equal(parseMountPoint(text, from), mountPoint);
  });
}

test("an empty mount point and one with a control character are refused", () => {
  for (const text of ["", "/mnt/a\nb", "/mnt/\0", "\t", "/mnt/\u009b"]) {
    assertProblem(() => parseMountPoint(text, "/"), "usage", "mount point", "existing directory");
  }
});

test("a mount point that is read is absolute and plain, and stays what it is", () => {
  const segment = fc.oneof(fc.constantFrom("", ".", "..", "a"), anyText());
  const anyPath = fc.array(segment).map((segments) => segments.join("/"));
  fc.assert(
    fc.property(anyPath, anyPath, (text, from) => {
      if (problemOf(() => parseMountPoint(text, `/${from}`)) !== undefined) return;
      const mountPoint = parseMountPoint(text, `/${from}`);
      assert.ok(mountPoint.startsWith("/"));
      assert.ok(mountPoint === "/" || !mountPoint.endsWith("/"));
      assert.doesNotMatch(mountPoint, /\/\/|\/\.{1,2}(\/|$)/);
      assert.equal(parseMountPoint(mountPoint, "/elsewhere"), mountPoint);
    }),
  );
});
