import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  isForOthers,
  joinOptions,
  lastOfEach,
  type MountOption,
  OWN_OPTIONS,
  OwnOptions,
  splitOptions,
} from "../../../src/core/request/options.ts";
import { anyText } from "../../support/any-text.ts";
import { assertProblem, problemOf } from "../../support/problem.ts";

const option = (name: string, value?: string): MountOption => ({ name, value });

const SPLIT: [what: string, text: string, options: MountOption[]][] = [
  ["options are split at commas", "tls,ro", [option("tls"), option("ro")]],
  ["an option is split at its first equals sign", "context=a=b", [option("context", "a=b")]],
  ["a value may be empty", "az=", [option("az", "")]],
  ["a name may be missing", "=x", [option("", "x")]],
  ["no text has no options", "", []],
  ["empty options are dropped", ",tls,,ro,", [option("tls"), option("ro")]],
  ["an option keeps its case and its blanks", "Foo= b ar", [option("Foo", " b ar")]],
  [
    "a comma in double quotes splits nothing, as in SELinux contexts",
    'context="system_u:object_r:nfs_t:s0:c1,c2",tls',
    [option("context", '"system_u:object_r:nfs_t:s0:c1,c2"'), option("tls")],
  ],
  ["a double quote without its other half is a character", 'a="b,,c', [option("a", '"b'), option("c")]],
  ["a value may have any letters", "awsprofile=büro-π", [option("awsprofile", "büro-π")]],
];
for (const [what, text, options] of SPLIT) {
  test(what, () => assert.deepEqual(splitOptions(text), options));
}

test("a control character in the options is refused", () => {
  for (const bad of ["\n", "\r", "\0", "\t", "\u007f", "\u0085"]) {
    assertProblem(() => splitOptions(`tls,cafile=/a${bad}b`), "usage", "control character");
  }
});

/** Any text, and texts of the characters that matter here. */
const anyOptions = fc.oneof(anyText(), fc.string({ unit: fc.constantFrom(..."a,=\"' ") }));

test("whatever the options are, reading them gives options or an error of ours", () => {
  fc.assert(fc.property(anyOptions, (text) => void problemOf(() => splitOptions(text))));
});

test("options that were read are read again to the same", () => {
  fc.assert(
    fc.property(anyOptions, (text) => {
      if (problemOf(() => splitOptions(text)) !== undefined) return;
      const options = splitOptions(text);
      assert.deepEqual(splitOptions(joinOptions(options)), options);
    }),
  );
});

const plainText = fc.string({ unit: "grapheme" }).map((text) => text.replaceAll(/[,"\p{Cc}]/gu, ""));
const plainOption = fc
  .tuple(
    plainText.map((text) => text.replaceAll("=", "")),
    fc.oneof(
      fc.constant(undefined),
      plainText,
      plainText.map((text) => `"${text},${text}"`),
    ),
  )
  .map(([name, value]) => option(name, value))
  .filter(({ name, value }) => name !== "" || value !== undefined);

test("options that are written are read to the same", () => {
  fc.assert(
    fc.property(fc.array(plainOption), (options) => {
      assert.deepEqual(splitOptions(joinOptions(options)), options);
    }),
  );
});

test("of several options with one name the last counts, in the place of the first", () => {
  const given = [option("rsize", "1"), option("ro"), option("rsize", "2"), option("rw")];
  assert.deepEqual(lastOfEach(given), [option("rsize", "2"), option("ro"), option("rw")]);
});

test("an option of ours that takes no value is refused with one", () => {
  for (const name of ["tls", "notls", "ocsp", "noocsp", "iam", "crossaccount", "stunnel"]) {
    assertProblem(() => new OwnOptions(splitOptions(`${name}=1`)), "usage", `${name} takes no value`, '"1"');
  }
});

test("an option of ours that needs a value is refused without one", () => {
  const names = Object.entries(OWN_OPTIONS).flatMap(([name, kind]) => (kind === "value" ? [name] : []));
  assert.ok(names.includes("tlsport") && names.includes("accesspoint"));
  for (const name of names) {
    for (const text of [name, `${name}=`]) {
      assertProblem(() => new OwnOptions(splitOptions(text)), "usage", `${name} needs a value`);
    }
  }
});

test("fsap is ignored with and without a value, as the CSI driver passes it", () => {
  for (const text of ["fsap", "fsap=", "fsap=fsap-0"]) {
    assert.equal(
      problemOf(() => new OwnOptions(splitOptions(text))),
      undefined,
    );
  }
});

test("options that are not ours are none of our business, also those named like parts of objects", () => {
  const own = new OwnOptions(splitOptions("constructor=1,toString,__proto__=x,ro=1,TLS"));
  for (const name of Object.keys(OWN_OPTIONS) as (keyof typeof OWN_OPTIONS)[])
    assert.equal(own.has(name), false);
});

test("what only fstab and systemd read is told from what mount.nfs4 reads", () => {
  const others =
    "_netdev,nofail,auto,noauto,user,users,x-systemd.automount,x-gvfs-hide,X-mount.mkdir=1,comment=a";
  for (const given of splitOptions(others)) assert.equal(isForOthers(given), true, given.name);
  for (const given of splitOptions("ro,noatime,nconnect=4,xattr,nosuid,userspace")) {
    assert.equal(isForOthers(given), false, given.name);
  }
});
