import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { worstOf } from "../../../src/core/doctor/checks.ts";
import { lineFindings } from "../../../src/core/doctor/fstab.ts";
import { nearest } from "../../../src/core/doctor/nearest.ts";
import { efsLines } from "../../../src/core/fstab.ts";
import { OWN_OPTIONS } from "../../../src/core/request/options.ts";
import { anyText } from "../../support/any-text.ts";

const ofOptions = (options: string) =>
  lineFindings({ line: 3, device: "fs-12345678:/", mountPoint: "/mnt/efs", options });
const tell = (options: string) =>
  ofOptions(options).map(({ finding, remedy = "" }) => `${finding} | ${remedy}`);

describe("fstab", () => {
  test("has the lines of type efs, with their numbers, blanks unescaped", () => {
    const text = [
      "# fs-1:/ /mnt efs tls 0 0",
      "UUID=1 / ext4 defaults 0 1",
      "  fs-12345678:/a\\040b\t/mnt/a\\040b  efs\t_netdev,tls 0 0",
      "",
      "fs-2:/ /mnt/two efs",
      "fs-3:/",
    ].join("\n");
    assert.deepEqual(
      efsLines(text).map(({ fields: _, ...line }) => line),
      [
        { line: 3, device: "fs-12345678:/a b", mountPoint: "/mnt/a b", options: "_netdev,tls" },
        { line: 5, device: "fs-2:/", mountPoint: "/mnt/two", options: "defaults" },
      ],
    );
  });

  test("a line that is as it should be is fine", () => {
    assert.deepEqual(
      ofOptions("_netdev,tls,nofail").map(({ verdict }) => verdict),
      ["ok"],
    );
    assert.equal(worstOf(ofOptions("_netdev,tls,iam,nofail,x-systemd.automount,rsize=65536")), "ok");
  });

  const cases: [options: string, says: RegExp][] = [
    ["tls,nofail", /_netdev is missing.*add _netdev/s],
    ["_netdev,tls,notls", /tls and notls exclude each other/],
    ["_netdev,tsl", /option tsl is not known \| did you mean tls\?/],
    ["_netdev,tls,accespoint=fsap-0123456789abcdef0", /did you mean accesspoint\?/],
    ["_netdv,tls", /did you mean _netdev\?/],
    ["_netdev,tls,iam=yes", /option iam takes no value/],
    ["_netdev,iam", /option iam needs tls/],
    ["_netdev,tls,tlsport=x", /tlsport="x" is not valid/],
  ];
  for (const [options, says] of cases) {
    test(`${options} is told`, () => assert.match(tell(options).join("\n"), says));
  }

  test("an option that resembles nothing known is only noted: mount.nfs4 may know it", () => {
    assert.notEqual(worstOf(ofOptions("_netdev,tls,nofail,quiteanotherthing")), "problem");
  });

  test("no text of a line makes it throw, and every finding names the line", () => {
    const options = fc.oneof(fc.string(), anyText(), fc.constantFrom("tls", "a=b,,c", '"a,b"'));
    fc.assert(
      fc.property(fc.string(), fc.string(), options, (device, mountPoint, text) => {
        const findings = lineFindings({ line: 7, device, mountPoint, options: text });
        assert.ok(findings.length > 0);
        for (const { finding } of findings) assert.ok(finding.startsWith("line 7 ("), finding);
      }),
    );
    fc.assert(fc.property(fc.string(), (text) => efsLines(text).every(({ line }) => line >= 1)));
  });

  test("a misspelt name finds its own: one letter left out, doubled or swapped", () => {
    const known = Object.keys(OWN_OPTIONS);
    const name = fc.constantFrom(...known.filter((each) => each.length >= 7));
    fc.assert(
      fc.property(name, fc.nat(), (right, at) => {
        const index = 1 + (at % (right.length - 2));
        const wrongs = [
          right.slice(0, index) + right.slice(index + 1),
          right.slice(0, index) + right[index] + right.slice(index),
        ];
        for (const wrong of wrongs) assert.equal(nearest(wrong, known), right, wrong);
      }),
    );
    assert.equal(nearest("zzzzzz", known), undefined);
    assert.equal(nearest("", known), undefined);
  });
});
