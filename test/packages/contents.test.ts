/** What is in the packages, and what they say of themselves: the .deb and the .rpm say the same. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { architecture } from "../../packaging/about.ts";
import { pinnedRuntime } from "../../packaging/runtime.ts";
import { LIBRARY, PACKAGE, RUNTIME } from "../../src/app/install/layout.ts";
import { CHECKOUT, VERSION } from "../support/built.ts";
import { CACHE, cleanRoot } from "./clean-root.ts";
import { programsNeeded, undeclared } from "./programs.ts";
import { makePackages } from "./versions.ts";

mkdirSync(CACHE, { recursive: true });
const folder = mkdtempSync(join(CACHE, "contents-"));
after(() => rmSync(folder, { recursive: true }));
const { deb, rpm } = makePackages(CHECKOUT, join(folder, "packages"));
const tree = join(folder, "tree");
output("dpkg-deb", "--extract", deb, tree);

const MAINTAINER = "EFS mount helper maintainers <maintainers@example.invalid>";
const SUMMARY = "mounts Amazon EFS file systems, with encryption in transit";
const DESCRIPTION = [
  "mount.efs, amazon-efs-mount-watchdog and efs-utils: commands, fstab lines,",
  "options, configuration and state files are those of amazon-efs-utils, which",
  "this package replaces. It includes its own copy of Node.js.",
];
const CONFIGURATION = ["/etc/amazon/efs/efs-utils.conf", `/etc/logrotate.d/${PACKAGE}`];
/** What else is in a package's directories is the system's. */
const OWN_DIRECTORIES =
  /^(\/etc\/amazon|\/usr\/(lib|share\/doc)\/amazon-efs-mount-helper|\/var\/log\/amazon)(\/|$)/;

const RPMLINT = join(CHECKOUT, "packaging/rpmlint.toml");
/** What lintian(1) reads, and the .deb alone has. */
const OVERRIDES = `/usr/share/lintian/overrides/${PACKAGE}`;

function output(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], maxBuffer: 1e8 });
}

function lines(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}

describe("of themselves", () => {
  test("the .deb says this, and no more", () => {
    const [head, ...size] = output("dpkg-deb", "--field", deb).split(/^Installed-Size: \d{5,6}\n/m);
    assert.equal(
      [head, ...size].join(""),
      `Package: ${PACKAGE}
Version: ${VERSION}
Architecture: ${architecture().deb}
Maintainer: ${MAINTAINER}
Depends: libc6 (>= 2.28), libgcc-s1 (>= 3.4), libstdc++6 (>= 10.2), mount, nfs-common, stunnel4 (>= 3:5.15)
Recommends: logrotate, nftables
Provides: amazon-efs-utils (= 2.3.3)
Conflicts: amazon-efs-utils
Replaces: amazon-efs-utils
Section: admin
Priority: optional
Description: ${SUMMARY}
${DESCRIPTION.map((line) => ` ${line}\n`).join("")}`,
    );
  });

  const query = (what: string) => lines(output("rpm", "--query", "--package", what, rpm));

  test("the .rpm says the same", () => {
    const format =
      "%{NAME} %{VERSION}-%{RELEASE} %{ARCH} %{LICENSE}\n%{PACKAGER}\n%{SUMMARY}\n%{DESCRIPTION}\n";
    assert.deepEqual(lines(output("rpm", "--query", "--package", "--queryformat", format, rpm)), [
      `${PACKAGE} ${VERSION}-1 ${architecture().rpm} MIT`,
      MAINTAINER,
      SUMMARY,
      ...DESCRIPTION,
    ]);
    const needs = query("--requires").filter((line) => !line.startsWith("rpmlib("));
    assert.deepEqual([...new Set(needs)].sort(), [
      "/bin/sh",
      "coreutils",
      "libc.so.6(GLIBC_2.28)(64bit)",
      "libgcc_s.so.1(GCC_3.4)(64bit)",
      "libstdc++.so.6(CXXABI_1.3.11)(64bit)",
      "libstdc++.so.6(GLIBCXX_3.4.21)(64bit)",
      "nfs-utils",
      "stunnel >= 5.15",
      "util-linux",
    ]);
    assert.deepEqual(query("--recommends"), ["logrotate", "nftables"]);
    assert.deepEqual(
      query("--provides").sort(),
      [
        `${PACKAGE} = ${VERSION}-1`,
        `${PACKAGE}(${architecture().rpm.replace("_", "-")}) = ${VERSION}-1`,
        "amazon-efs-utils = 2.3.3",
      ].sort(),
    );
    assert.deepEqual(query("--obsoletes"), ["amazon-efs-utils"]);
    assert.deepEqual(query("--conflicts"), ["amazon-efs-utils"]);
  });

  test("both have the same configuration to keep, and authorities that are none", () => {
    assert.deepEqual(lines(output("dpkg-deb", "--info", deb, "conffiles")), CONFIGURATION);
    assert.deepEqual(query("--configfiles").sort(), CONFIGURATION);
  });
});

test("the .rpm has the files of the .deb, with the same owners and rights, and the directories that are its own", () => {
  /** Rights, owner, group and path (with what a link leads to) of each line of a list. */
  const entries = (list: string, path: RegExp) =>
    lines(list)
      .map((line) => {
        const [, rights, owner, group] = /^(\S+)\s+(?:\d+\s+)?(\w+)(?:\/|\s+)(\w+)\s/.exec(line) ?? [];
        return `${rights} ${owner} ${group} ${path.exec(line)?.[1]?.replace(/(.)\/$/, "$1")}`;
      })
      .sort();
  const inDeb = entries(output("dpkg-deb", "--contents", deb), / \.(\/.*)$/);
  const inRpm = entries(output("rpm", "--query", "--list", "--verbose", "--package", rpm), / (\/.*)$/);
  const owned = inDeb.filter(
    (line) =>
      !line.endsWith(` ${OVERRIDES}`) &&
      (!line.startsWith("d") || OWN_DIRECTORIES.test(line.split(" ")[3] ?? "")),
  );
  assert.deepEqual(inRpm, owned);
  assert.ok(
    inRpm.some((line) => line.endsWith(` ${RUNTIME}`)) && inRpm.some((line) => line.endsWith(` ${LIBRARY}`)),
  );
});

describe("by the rules of its distribution", () => {
  test("the .deb has no error (lintian)", () => {
    assert.doesNotMatch(output("lintian", "--allow-root", "--fail-on", "none", deb), /^E:/m);
  });

  test("the .rpm has no error (rpmlint)", () => {
    const { stdout } = spawnSync("rpmlint", ["--config", RPMLINT, rpm], { encoding: "utf8" });
    assert.match(stdout, /1 packages and 0 specfiles checked; 0 errors/);
  });

  test("the .deb depends on what has the programs that it runs", () => {
    const depends = output("dpkg-deb", "--field", deb, "Depends").trim();
    assert.deepEqual(undeclared(cleanRoot(), programsNeeded(), depends), []);
  });

  test("the .deb is compressed as dpkg of Debian 11 reads it", () => {
    assert.deepEqual(lines(output("ar", "t", deb)), ["debian-binary", "control.tar.gz", "data.tar.gz"]);
  });
});

test("they have the documentation, whose links lead to what is there", () => {
  const documentation = join(tree, "usr/share/doc", PACKAGE);
  const names = readdirSync(documentation);
  const pages = ["README", "decisions", "encryption", "json", "kubernetes", "metrics"].map(
    (page) => `${page}.md.gz`,
  );
  const others = ["NODE-LICENSE.gz", "THIRD-PARTY-LICENSES", "changelog.gz", "copyright", "runbook.md"];
  assert.deepEqual(names.sort(), [...pages, ...others].sort());
  for (const page of pages) {
    const text = gunzipSync(readFileSync(join(documentation, page))).toString();
    for (const [, target = ""] of text.matchAll(/\]\((?!\w+:)([^)#]+)[^)]*\)/g)) {
      const place = target.startsWith("/") ? join(tree, target) : join(documentation, target);
      assert.ok(lstatSync(place, { throwIfNoEntry: false }), `${page} leads to ${target}`);
    }
  }
  for (const name of ["runbook.md", "THIRD-PARTY-LICENSES"]) {
    assert.ok(existsSync(join(tree, readlinkSync(join(documentation, name)))), name);
  }
});

describe("the packaged node", () => {
  const node = join(tree, RUNTIME);

  test("has no symbols, and is smaller for it", () => {
    const sections = output("readelf", "--section-headers", "--wide", node);
    assert.match(sections, / \.dynsym /);
    assert.doesNotMatch(sections, / \.symtab /);
    assert.ok(statSync(node).size < statSync(pinnedRuntime().program).size);
  });

  /** Versions of symbols (GLIBC_2.28), as `NAME_1.2`, that it needs of the libraries that it is linked with. */
  const needed = [
    ...new Set(
      [...output("objdump", "--dynamic-syms", node).matchAll(/\((\w+_[\d.]+)\)/g)].map(
        ([, name = ""]) => name,
      ),
    ),
  ];
  /** A version such as GLIBC_2.28, as numbers that compare as text. */
  const rank = (version: string) => version.replaceAll(/\d+/g, (part) => part.padStart(4, "0"));
  const highest = (kind: string) =>
    needed
      .filter((name) => name.startsWith(`${kind}_`))
      .sort((one, other) => (rank(one) < rank(other) ? -1 : 1))
      .at(-1);

  test("has the .deb ask for libraries that have every version of a symbol that it needs", () => {
    const depends = output("dpkg-deb", "--field", deb, "Depends");
    for (const library of ["libc6", "libgcc-s1", "libstdc++6"]) {
      const file = join(cleanRoot(), `var/lib/dpkg/info/${library}:${architecture().deb}.symbols`);
      // dpkg's own account of the version of the library that each symbol came with: deb-symbols(5)
      const since = new Map(
        [...readFileSync(file, "utf8").matchAll(/^ (\S+)@\1 (\S+)/gm)].map(([, name = "", version = ""]) => [
          name,
          version,
        ]),
      );
      const versions = needed.flatMap((name) => since.get(name) ?? []);
      const [, declared = "0"] =
        new RegExp(`${library.replaceAll("+", "\\+")} \\(>= ([^)]+)\\)`).exec(depends) ?? [];
      assert.notDeepEqual(versions, []);
      for (const version of versions) output("dpkg", "--compare-versions", declared, "ge", version);
    }
  });

  test("has the .rpm ask for the highest version of each kind of symbol that it needs", () => {
    const requires = output("rpm", "--query", "--package", "--requires", rpm);
    const kinds = new Set(needed.map((name) => name.split("_")[0] ?? ""));
    assert.deepEqual([...kinds].sort(), ["CXXABI", "GCC", "GLIBC", "GLIBCXX"]);
    for (const kind of kinds) {
      assert.equal(new RegExp(`\\((${kind}_[\\d.]+)\\)`).exec(requires)?.[1], highest(kind));
    }
  });
});
