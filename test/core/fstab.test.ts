import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { linesWithoutNetwork } from "../../src/core/fstab.ts";

const CASES: [what: string, line: string, gives: string | undefined][] = [
  [
    "a line of the guide's",
    "fs-12345678:/ /mnt/efs efs tls 0 0",
    "fs-12345678:/ /mnt/efs efs tls,_netdev 0 0",
  ],
  ["one that says it", "fs-12345678:/ /mnt/efs efs _netdev,tls 0 0", undefined],
  ["one that says it last", "fs-12345678:/ /mnt/efs efs tls,_netdev 0 0", undefined],
  [
    "one with something like it",
    "fs-1:/ /mnt efs x_netdev,_netdevs 0 0",
    "fs-1:/ /mnt efs x_netdev,_netdevs,_netdev 0 0",
  ],
  ["one without options", "fs-1:/ /mnt/efs efs", "fs-1:/ /mnt/efs efs _netdev"],
  ["one without numbers", "fs-1:/ /mnt/efs efs noauto", "fs-1:/ /mnt/efs efs noauto,_netdev"],
  ["tabs and blanks", " \tfs-1:/ \t /mnt/efs\t efs\ttls\t0 0 ", "fs-1:/ /mnt/efs efs tls,_netdev 0 0"],
  ["escapes", "fs-1:/ /mnt/a\\040b efs tls 0 0", "fs-1:/ /mnt/a\\040b efs tls,_netdev 0 0"],
  [
    "what only systemd reads",
    "fs-1:/ /a efs x-systemd.automount 0 0",
    "fs-1:/ /a efs x-systemd.automount,_netdev 0 0",
  ],
  ["another type", "fs-1:/ /mnt/efs nfs4 tls 0 0", undefined],
  ["a type that begins like it", "fs-1:/ /mnt/efs efsx tls 0 0", undefined],
  ["a comment", "#fs-1:/ /mnt/efs efs tls 0 0", undefined],
  ["a comment after blanks", "  # fs-1:/ /mnt/efs efs tls 0 0", undefined],
  ["a line that ends too early", "fs-1:/ efs", undefined],
  ["an empty line", "", undefined],
];

describe("lines of fstab that do not say that they need the network", () => {
  for (const [what, line, gives] of CASES) {
    test(`${what}: ${gives === undefined ? "left alone" : "gets _netdev"}`, () => {
      assert.deepEqual(linesWithoutNetwork(`${line}\n`), gives === undefined ? [] : [gives]);
    });
  }

  test("are found among others", () => {
    const text =
      "/dev/vda1 / ext4 defaults 0 1\nfs-1:/ /a efs tls\n# end\nfs-2:/ /b efs _netdev\nfs-3:/ /c efs ro";
    assert.deepEqual(linesWithoutNetwork(text), ["fs-1:/ /a efs tls,_netdev", "fs-3:/ /c efs ro,_netdev"]);
  });

  const field = fc.string({ minLength: 1 }).map((text) => text.replaceAll(/[ \t\n#]/g, "x"));
  const line = fc
    .tuple(field, field, fc.constantFrom("efs", "nfs4"), field)
    .map((fields) => fields.join("\t"));
  const lines = fc.array(fc.oneof(line, fc.string()));

  test("whatever an fstab holds, what it gives needs nothing more and keeps each field", () => {
    fc.assert(
      fc.property(lines, (all) => {
        const text = all.join("\n");
        const found = linesWithoutNetwork(text);
        assert.deepEqual(linesWithoutNetwork(found.join("\n")), []);
        for (const each of found) {
          const [device = "", mountPoint = "", type, options = ""] = each.split(" ");
          assert.equal(type, "efs");
          assert.match(options, /(^|,)_netdev$/);
          assert.ok(text.includes(device) && text.includes(mountPoint));
          assert.ok(text.includes(options.replace(/,?_netdev$/, "")));
        }
      }),
    );
  });
});
