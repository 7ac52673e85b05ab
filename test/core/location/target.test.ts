import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseConfig, settings } from "../../../src/core/config/config.ts";
import { parseFileSystemId, parseRegion, type Region } from "../../../src/core/ids.ts";
import { SPECIAL_PARTITIONS } from "../../../src/core/location/partitions.ts";
import {
  certificateName,
  configuredRegion,
  dnsName,
  dnsSuffix,
  hostForNfs,
  legacyRegion,
  type NameParts,
  usesSystemAuthorities,
} from "../../../src/core/location/target.ts";
import { parseEfsHostName } from "../../../src/core/request/device.ts";
import { anyText } from "../../support/any-text.ts";
import { assertProblem, problemOf } from "../../support/problem.ts";

const FORMAT = "{az}.{fs_id}.efs.{region}.{dns_name_suffix}";

function region(name: string): Region {
  const parsed = parseRegion(name);
  assert.ok(parsed !== undefined, name);
  return parsed;
}

function parts(change: Partial<NameParts> = {}): NameParts {
  const fsId = parseFileSystemId("fs-1");
  assert.ok(fsId !== undefined);
  return { fsId, region: region("us-east-1"), zone: undefined, suffix: "amazonaws.com", ...change };
}

const NAMES: [format: string, zone: string | undefined, name: string, certificateName: string][] = [
  [FORMAT, undefined, "fs-1.efs.us-east-1.amazonaws.com", "fs-1.efs.us-east-1.amazonaws.com"],
  [FORMAT, "us-east-1a", "us-east-1a.fs-1.efs.us-east-1.amazonaws.com", "fs-1.efs.us-east-1.amazonaws.com"],
  [FORMAT, "use1-az1", "use1-az1.fs-1.efs.us-east-1.amazonaws.com", "fs-1.efs.us-east-1.amazonaws.com"],
  [
    "{fs_id}.efs.{region}.{dns_name_suffix}",
    "a",
    "fs-1.efs.us-east-1.amazonaws.com",
    "fs-1.efs.us-east-1.amazonaws.com",
  ],
  [
    "{fs_id}.efs.us-east-2.amazonaws.com",
    undefined,
    "fs-1.efs.us-east-2.amazonaws.com",
    "fs-1.efs.us-east-2.amazonaws.com",
  ],
  ["{fs_id}.files", undefined, "fs-1.files", "fs-1.files"],
  ["{fs_id}.{fs_id}", undefined, "fs-1.fs-1", "fs-1.fs-1"],
  ["{fs_id}.{az}.efs", "b", "fs-1.b.efs", "fs-1.b.efs"],
];
for (const [format, zone, name, certificate] of NAMES) {
  test(`${format} with ${zone ?? "no zone"} is ${name}`, () => {
    assert.equal(dnsName(format, parts({ zone })), name);
    assert.equal(certificateName(format, parts({ zone })), certificate);
  });
}

const BAD_FORMATS: [format: string, ...says: string[]][] = [
  ["efs.{region}", "lacks {fs_id}", "dns_name_format in [mount]"],
  ["{fs-id}.efs", "unknown placeholder", "{fs-id}"],
  ["{}.{fs_id}", "unknown placeholder", "{}"],
  ["{fs_id}.{az}.efs", "needs a zone", "-o az=NAME"],
  ["{fs_id}.efs.{region", "no host name"],
  ["{fs_id} .efs", "no host name"],
  ["{fs_id}:2049", "no host name"],
  ["{fs_id}..efs", "no host name"],
  [`{fs_id}.${"a".repeat(250)}`, "no host name"],
];
for (const [format, ...says] of BAD_FORMATS) {
  test(`refused: dns_name_format = ${format.slice(0, 40)}`, () => {
    assertProblem(() => dnsName(format, parts()), "config", ...says);
  });
}

test("whatever format and suffix are, the name is a plain host name or an error of ours", () => {
  const piece = fc.oneof(
    fc.constantFrom("{az}.", "{fs_id}", "{region}", "{dns_name_suffix}", ".", "{", "}"),
    anyText(),
  );
  const format = fc.array(piece).map((pieces) => pieces.join(""));
  const zone = fc.constantFrom(undefined, "us-east-1a");
  fc.assert(
    fc.property(format, anyText(), zone, (text, suffix, az) => {
      const names = [dnsName, certificateName].map((build) => () => build(text, parts({ suffix, zone: az })));
      for (const name of names) {
        if (problemOf(name) === undefined) assert.match(name(), /^(?=.{1,253}$)[\w-]+(\.[\w-]+)*$/);
      }
    }),
    { numRuns: 500 },
  );
});

test("the name of a file system is read back to its parts", () => {
  const hex = fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: 1, maxLength: 17 });
  const zone = fc.constantFrom(undefined, "us-east-1a", "use1-az6", "us-west-2-lax-1a");
  const name = fc.constantFrom(
    "us-east-1",
    "us-gov-west-1",
    "cn-north-1",
    ...Object.keys(SPECIAL_PARTITIONS),
  );
  fc.assert(
    fc.property(hex, zone, name, (digits, az, regionName) => {
      const fsId = parseFileSystemId(`fs-${digits}`);
      assert.ok(fsId !== undefined);
      const suffix = dnsSuffix(settings(parseConfig("", "f")), region(regionName));
      const named = parts({ fsId, zone: az, region: region(regionName), suffix });
      assert.deepEqual(parseEfsHostName(dnsName(FORMAT, named)), named);
    }),
  );
});

const SUFFIXES: [region: string, suffix: string, systemAuthorities: boolean][] = [
  ["us-east-1", "amazonaws.com", false],
  ["us-gov-west-1", "amazonaws.com", false],
  ["cn-north-1", "amazonaws.com.cn", false],
  ["cn-northwest-1", "amazonaws.com.cn", false],
  ["us-iso-east-1", "c2s.ic.gov", true],
  ["us-iso-west-1", "c2s.ic.gov", true],
  ["us-isob-east-1", "sc2s.sgov.gov", true],
  ["us-isob-west-1", "sc2s.sgov.gov", true],
  ["us-isof-east-1", "csp.hci.ic.gov", true],
  ["us-isof-south-1", "csp.hci.ic.gov", true],
  ["eu-isoe-west-1", "cloud.adc-e.uk", true],
  ["eusc-de-east-1", "amazonaws.eu", true],
];
for (const [name, suffix, systemAuthorities] of SUFFIXES) {
  test(`names in ${name} end in ${suffix}, also where an old configuration has the default for all`, () => {
    const inForce = (text: string) => dnsSuffix(settings(parseConfig(text, "f"), name), region(name));
    assert.equal(inForce(""), suffix);
    assert.equal(inForce("[mount]\ndns_name_suffix = amazonaws.com"), suffix);
    assert.equal(inForce("[mount]\ndns_name_suffix = example.com"), "example.com");
    assert.equal(inForce(`[mount.${name}]\ndns_name_suffix = example.com`), "example.com");
    assert.equal(usesSystemAuthorities(region(name)), systemAuthorities);
  });
}

const LEGACY: [format: string, region: string | undefined][] = [
  ["{fs_id}.efs.us-east-2.amazonaws.com", "us-east-2"],
  ["{az}.{fs_id}.efs.us-gov-west-1.{dns_name_suffix}", "us-gov-west-1"],
  [FORMAT, undefined],
  ["{fs_id}.efs.{region}.us-east-2.amazonaws.com", undefined],
  ["{fs_id}.efs.my-company.com", undefined],
  ["{fs_id}.files-1.example", undefined],
  ["{fs_id}", undefined],
  ["", undefined],
];
for (const [format, expected] of LEGACY) {
  test(`${format || "an empty format"} spells out ${expected ?? "no region"}`, () => {
    assert.equal(legacyRegion(format), expected);
  });
}

const REGIONS: [
  what: string,
  option: string | undefined,
  environment: Record<string, string>,
  config: string | undefined,
  expected: string | undefined,
][] = [
  ["the option counts first", "us-east-1", { AWS_REGION: "us-east-2" }, "us-west-1", "us-east-1"],
  [
    "then AWS_REGION",
    undefined,
    { AWS_DEFAULT_REGION: "us-west-2", AWS_REGION: "us-east-2" },
    "us-west-1",
    "us-east-2",
  ],
  ["then AWS_DEFAULT_REGION", undefined, { AWS_DEFAULT_REGION: "us-west-2" }, "us-west-1", "us-west-2"],
  ["then the configuration", undefined, {}, "us-west-1", "us-west-1"],
  [
    "an empty variable is none",
    undefined,
    { AWS_REGION: "", AWS_DEFAULT_REGION: "" },
    "us-west-1",
    "us-west-1",
  ],
  ["else it is not known", undefined, {}, undefined, undefined],
];
for (const [what, option, environment, config, expected] of REGIONS) {
  test(`the region: ${what}`, () => {
    assert.equal(
      configuredRegion(option === undefined ? undefined : region(option), environment, config)?.region,
      expected,
    );
  });
}

test("a region that is none is refused with where it stands", () => {
  const BAD = "us-east-1.evil.example";
  const cases: [environment: Record<string, string>, config: string | undefined, where: string][] = [
    [{ AWS_REGION: BAD }, undefined, "AWS_REGION"],
    [{ AWS_DEFAULT_REGION: BAD }, undefined, "AWS_DEFAULT_REGION"],
    [{}, BAD, "region in [mount]"],
  ];
  for (const [environment, config, where] of cases) {
    assertProblem(
      () => configuredRegion(undefined, environment, config),
      "config",
      where,
      BAD,
      "-o region=NAME",
    );
  }
});

test("the NFS client gets a name, an address, or an IPv6 address in brackets", () => {
  const target = { ...parts(), dnsName: "fs-1.efs", certificateName: "fs-1.efs" };
  assert.equal(hostForNfs({ ...target, address: undefined }), "fs-1.efs");
  assert.equal(hostForNfs({ ...target, address: "10.0.0.1" }), "10.0.0.1");
  assert.equal(hostForNfs({ ...target, address: "fd00::1" }), "[fd00::1]");
});
