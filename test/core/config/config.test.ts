import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { emptyConfig, isSet, parseConfig, settings } from "../../../src/core/config/config.ts";
import { IGNORED_KEYS, KEYS, type KeyId, keyName, type Settings } from "../../../src/core/config/keys.ts";
import { anyText } from "../../support/any-text.ts";
import { assertProblem, problemOf } from "../../support/problem.ts";
import { SAMPLES } from "./samples.ts";

const PATH = "/etc/amazon/efs/efs-utils.conf";
const IDS = Object.keys(KEYS) as KeyId[];

const read = (text: string, region?: string): Settings => settings(parseConfig(text, PATH), region);
const warningsOf = (text: string) => parseConfig(text, PATH).warnings;
const inSection = (id: KeyId, text: string) => `[${KEYS[id].section}]\n${keyName(id)} = ${text}\n`;

test("a file that says nothing sets every key to its default", () => {
  const defaults = Object.fromEntries(IDS.map((id) => [id, KEYS[id].fallback]));
  for (const text of ["", "\n\n", "[mount]\n", "# comment", "\uFEFF"]) assert.deepEqual(read(text), defaults);
  assert.deepEqual(settings(emptyConfig(PATH)), defaults);
});

test("the defaults that the interface names", () => {
  const defaults = read("");
  assert.equal(defaults.state_file_dir_mode, 0o750);
  assert.equal(defaults.dns_name_format, "{az}.{fs_id}.efs.{region}.{dns_name_suffix}");
  assert.deepEqual([defaults.port_range_lower_bound, defaults.port_range_upper_bound], [20_049, 20_449]);
  assert.equal(defaults.retry_nfs_mount_command_count, 3);
  assert.equal(defaults.retry_nfs_mount_command_timeout_sec, 15);
  assert.equal(defaults.mount_deadline_sec, 180);
  assert.equal(defaults.tls_cert_renewal_interval_min, 60);
  assert.equal(defaults.stunnel_check_cert_hostname, true);
  assert.equal(defaults.stunnel_check_cert_validity, true);
});

for (const id of IDS) {
  const [text, value, wrong] = SAMPLES[id];
  test(`${id} is read, inherited from [DEFAULT], and refused with a wrong value`, () => {
    assert.notDeepEqual(KEYS[id].fallback, value);
    assert.deepEqual(read(inSection(id, text))[id], value);
    assert.deepEqual(warningsOf(inSection(id, text)), []);
    assert.deepEqual(read(`[DEFAULT]\n${keyName(id)} = ${text}`)[id], value);
    assert.deepEqual(warningsOf(`[DEFAULT]\n${keyName(id)} = ${text}`), []);
    assert.equal(isSet(parseConfig(inSection(id, text), PATH), id), true);
    assert.equal(isSet(parseConfig(inSection(id, ""), PATH), id), false);
    if (wrong === undefined) return;
    const { section } = KEYS[id];
    assertProblem(
      () => read(inSection(id, wrong)),
      "config",
      PATH,
      `[${section}]`,
      `${keyName(id)} = "${wrong}"`,
    );
    assertProblem(() => read(`[DEFAULT]\n${keyName(id)}: ${wrong}`), "config", PATH, "[DEFAULT]");
  });
}

/** What the EFS CSI driver makes of its template: all keys that it writes, in its spelling. */
const CSI_DRIVERS_FILE = `
[DEFAULT]
logging_level = INFO
logging_max_bytes = 1048576
logging_file_count = 10
state_file_dir_mode = 750

[mount]
dns_name_format = {az}.{fs_id}.efs.{region}.{dns_name_suffix}
dns_name_suffix = amazonaws.com
region = eu-west-3
stunnel_debug_enabled = false
stunnel_cafile = /etc/amazon/efs/efs-utils.crt
csi_driver_version=v2.1.8

stunnel_check_cert_hostname = true
stunnel_check_cert_validity = false
fips_mode_enabled = false
port_range_lower_bound = 20049
port_range_upper_bound = 21049
optimize_readahead = true
fall_back_to_mount_target_ip_address_enabled = true
disable_fetch_ec2_metadata_token = false

[mount.us-iso-east-1]
dns_name_suffix = c2s.ic.gov
stunnel_cafile = /etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem

[mount-watchdog]
enabled = true
poll_interval_sec = 1
unmount_count_for_consistency = 5
unmount_grace_period_sec = 30
tls_cert_renewal_interval_min = 60
stunnel_health_check_enabled = true
stunnel_health_check_interval_min = 5
stunnel_health_check_command_timeout_sec = 30

enable_version_check = false

[client-info] 
source=k8s

[cloudwatch-log]
# enabled = true
log_group_name = /aws/efs/utils
retention_in_days = 14
`;

test("the file that the EFS CSI driver writes is read without a warning", () => {
  assert.deepEqual(warningsOf(CSI_DRIVERS_FILE), []);
  const { source, region, port_range_upper_bound, unmount_grace_period_sec } = read(CSI_DRIVERS_FILE);
  assert.deepEqual(
    { source, region, port_range_upper_bound, unmount_grace_period_sec },
    { source: "k8s", region: "eu-west-3", port_range_upper_bound: 21_049, unmount_grace_period_sec: 30 },
  );
});

test("the driver's keys that have no effect are known in their sections alone", () => {
  for (const [section, keys] of Object.entries(IGNORED_KEYS)) {
    for (const key of keys) {
      assert.deepEqual(warningsOf(`[${section}]\n${key} = x`), []);
      assert.match(warningsOf(`[client-info]\n${key} = x`)[0] ?? "", /is not known/);
    }
  }
});

test("a key's own section wins over [DEFAULT], wherever that stands", () => {
  const [own, common] = ["[mount]\nregion = us-east-1\n", "[DEFAULT]\nregion = eu-west-1\n"];
  assert.equal(read(own + common).region, "us-east-1");
  assert.equal(read(common + own).region, "us-east-1");
});

test("a region's section wins over [mount], in that region only", () => {
  const text =
    "[mount.cn-north-1]\ndns_name_suffix = x.cn\n[mount]\ndns_name_suffix = x\nstunnel_cafile = /m\n";
  assert.equal(read(text).dns_name_suffix, "x");
  assert.equal(read(text, "eu-west-1").dns_name_suffix, "x");
  assert.equal(read(text, "cn-north-1").dns_name_suffix, "x.cn");
  assert.equal(read(text, "cn-north-1").stunnel_cafile, "/m");
  assert.deepEqual(warningsOf(text), []);
});

test("a wrong value in the section of another region disturbs nobody", () => {
  const text = "[mount.us-east-1]\nstunnel_cafile = relative\n";
  assert.equal(
    problemOf(() => read(text, "eu-west-1")),
    undefined,
  );
  assertProblem(() => read(text, "us-east-1"), "config", "[mount.us-east-1]", 'stunnel_cafile = "relative"');
});

test("enabled means another thing in each of its sections", () => {
  const text = "[mount-watchdog]\nenabled = false\n[cloudwatch-log]\nenabled = true\n";
  assert.equal(read(text).enabled, false);
  assert.equal(read(text)["cloudwatch-log.enabled"], true);
});

const SAME: [what: string, text: string][] = [
  ["with a colon", "[mount]\nregion: us-east-1"],
  ["without blanks", "[mount]\nregion=us-east-1"],
  ["with many blanks", "[mount]\n  region \t =   us-east-1  "],
  ["in capitals", "[mount]\nREGION = us-east-1"],
  ["with a comment behind it", "[mount]\nregion = us-east-1 # here\n"],
  ["between comments", "# a = b\n; c\n[mount]\n  # region = x\nregion = us-east-1\n;region = y\n#"],
  ["twice, of which the last one counts", "[mount]\nregion = a\nRegion = us-east-1\n"],
  ["in a section that goes on later", "[mount]\nregion = a\n[client-info]\n[mount]\nregion = us-east-1"],
  ["with line ends of Windows", "[mount]\r\nregion = us-east-1\r\n"],
  ["with line ends of old Macs", "[mount]\rregion = us-east-1\r"],
  ["behind a byte order mark", "\uFEFF[mount]\nregion = us-east-1"],
  ["in a section with blanks around its name", " [ mount ] \nregion = us-east-1"],
];
for (const [what, text] of SAME) {
  test(`a key may be written ${what}`, () => {
    assert.equal(read(text).region, "us-east-1");
    assert.deepEqual(warningsOf(text), []);
  });
}

const VERBATIM = [
  "a:b=c:d",
  "http://example.com:80/?a=b",
  '"quoted"',
  "'single'",
  'half"',
  "\\",
  "C:\\new\\table",
  "100% {fs_id} $HOME %(y)s",
  "a#b;c",
  "[brackets]",
  "a, b",
  "null",
  "größe",
  "a\u2028b",
];
for (const value of VERBATIM) {
  test(`the value ${JSON.stringify(value)} comes back as it was written`, () => {
    for (const sign of [" = ", ":"]) assert.equal(read(`[client-info]\nsource${sign}${value}`).source, value);
  });
}

test("every value of one line comes back as it was written", () => {
  const value = anyText({ maxLength: 30 })
    .map((text) => text.replaceAll(/[\p{Cc}\uFEFF]/gu, "").trim())
    .filter((text) => text !== "" && !/(^|\s)[#;]/.test(text));
  const key = fc.constantFrom<KeyId>("source", "log_group_name", "dns_name_suffix", "az_id");
  fc.assert(
    fc.property(key, value, fc.constantFrom("=", ":", " = ", "\t:  "), (id, text, sign) => {
      assert.equal(read(`[${KEYS[id].section}]\n${id}${sign}${text}\n[mount]\nregion = x`)[id], text);
    }),
  );
});

const UNKNOWN: [text: string, warning: RegExp][] = [
  ["[mount]\nregio = x", /efs-utils\.conf line 2: key regio in \[mount\] is not known/],
  ["[mount]\nenabled = true", /key enabled in \[mount\]/],
  ["[mount.us-east-1]\nenabled = true", /key enabled in \[mount\.us-east-1\]/],
  ["[DEFAULT]\nfoo = x", /key foo in \[DEFAULT\]/],
  ["[Mount]\nregion = x", /section \[Mount\]/],
  ["[mount.US]\nregion = x", /section \[mount\.US\]/],
  ["[mount/x]\nregion = x", /section \[mount\/x\]/],
  ["[__init__]\nregion = x", /section \[__init__\]/],
  ["[mount]\nmy key = x", /line 2: key my key in \[mount\] is not known/],
  ["[mount]\nregion[] = x", /line 2: key region\[\] in \[mount\] is not known/],
  ["[mount]\n\u202ekey = x", /line 2: key \u202ekey in \[mount\] is not known/],
];
for (const [text, warning] of UNKNOWN) {
  test(`a warning, not an error: ${JSON.stringify(text)}`, () => {
    assert.deepEqual(read(text), read(""));
    const warnings = warningsOf(text);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? "", warning);
  });
}

const BROKEN: [text: string, ...says: string[]][] = [
  ["[mount]\nregion", "line 2", '"region"', "neither a [section] nor key = value"],
  ["\n[mount\nregion = x", "line 2", '"[mount"'],
  ["[]\nregion = x", "line 1", '"[]"'],
  ["[mount]\n= x", "line 2", '"= x"'],
  ["region = x\n[mount]", '"region" stands before the first [section]'],
  ["[mount]\nregion = a\0b", "line 2", "control character"],
  ["[mount]\nregion = a\u001b[31mb", "line 2", "control character"],
  ["[mount\u0007]\n", "line 1", "control character"],
];
for (const [text, ...says] of BROKEN) {
  test(`refused, with its line: ${JSON.stringify(text)}`, () => {
    assertProblem(() => read(text), "config", PATH, ...says);
  });
}

test("names that objects have are names of keys and sections like others", () => {
  for (const name of ["__proto__", "constructor", "hasOwnProperty", "toString"]) {
    assert.deepEqual(read(`[${name}]\nregion = x\n[mount]\n${name} = x\n`), read(""), name);
  }
});

const piece = fc.oneof(
  fc.constantFrom(
    "[mount]",
    "[DEFAULT]",
    "[mount.a.b]",
    "[a]",
    "[a.b]",
    "[",
    "]",
    "=",
    ":",
    "#",
    ";",
    " ",
    "\t",
  ),
  fc.constantFrom("\r", "\n", "\r\n", "\uFEFF", "\\", "\\.", '"', "'", "[]", "__proto__", "true", "null"),
  fc.constantFrom(...IDS.map(keyName)),
  anyText({ maxLength: 8 }),
);
const anyFile = fc.oneof(
  anyText(),
  fc.array(piece, { maxLength: 40 }).map((all) => all.join("")),
);

test("whatever a file holds, reading it gives settings or an error of ours", () => {
  fc.assert(
    fc.property(anyFile, (text) => {
      problemOf(() => {
        const file = parseConfig(text, PATH);
        for (const warning of file.warnings) assert.doesNotMatch(warning, /\p{Cc}/u);
        settings(file);
        settings(file, "us-east-1");
      });
    }),
    { numRuns: 1000 },
  );
});

test("whatever stands in a file's comments, it sets nothing", () => {
  const comment = anyText().map((text) => text.replaceAll(/[\r\n]/g, ""));
  fc.assert(
    fc.property(fc.constantFrom("#", ";", "  #"), comment, (sign, text) => {
      assert.deepEqual(read(`[mount]\n${sign}${text}\nregion = a ${sign}${text}`), {
        ...read(""),
        region: "a",
      });
    }),
  );
});

test("a value of the wrong type is named with the line that it stands in, the last one that counts", () => {
  assertProblem(
    () =>
      settings(
        parseConfig("[mount]\nport_range_lower_bound = 1\n[mount]\nport_range_lower_bound = x", "x.conf"),
      ),
    "config",
    "x.conf line 4: [mount] port_range_lower_bound",
  );
});
