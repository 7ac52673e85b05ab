import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { LIBRARY } from "../src/app/install/layout.ts";
import { ABOUT, type Material, RECOMMENDS, ROOT } from "./about.ts";
import { CHANGES, DOCUMENTATION } from "./documentation.ts";
import { configurationFiles, type Entry, entries } from "./tree.ts";

const RELEASE = "1";

/** What the host must have; the libraries as rpm has them, by the newest versions of their symbols that node needs. */
const REQUIRES = [
  "coreutils",
  "libc.so.6(GLIBC_2.28)(64bit)",
  "libgcc_s.so.1(GCC_3.4)(64bit)",
  "libstdc++.so.6(CXXABI_1.3.11)(64bit)",
  "libstdc++.so.6(GLIBCXX_3.4.21)(64bit)",
  "nfs-utils",
  "stunnel >= 5.15",
  "util-linux",
];

/** Which of the maintainer scripts rpm runs when: what it replaces is removed between %post and %posttrans. */
const SCRIPTS = {
  pre: "before-install",
  posttrans: "after-install",
  preun: "before-removal",
  postun: "after-removal",
};

/** Nothing of the machine or the moment of the build is in the package, and nothing is changed on the way. */
const DEFINITIONS: Readonly<Record<string, string>> = {
  _buildhost: "localhost",
  use_source_date_epoch_as_buildtime: "1",
  clamp_mtime_to_source_date_epoch: "1",
  _build_id_links: "none",
  debug_package: "%{nil}",
  __os_install_post: "%{nil}",
  _binary_payload: "w9.zstdio",
};

/** Directories that are this package's own, with all that is in them. */
const OWN = [LIBRARY, "/etc/amazon", "/var/log/amazon", DOCUMENTATION];

/**
 * Makes an rpm package.
 *
 * @param scratch a directory for what is made on the way
 * @returns the package's file, in `target`
 */
export async function makeRpm(
  { tree, architecture, date }: Material,
  scratch: string,
  target: string,
): Promise<string> {
  const spec = join(scratch, `${ABOUT.name}.spec`);
  writeFileSync(spec, specText(tree, date));
  const name = `${ABOUT.name}-${ABOUT.version}-${RELEASE}.${architecture.rpm}.rpm`;
  const definitions = { ...DEFINITIONS, _topdir: join(scratch, "rpm"), _rpmdir: target, _rpmfilename: name };
  const defines = Object.entries(definitions).flatMap(([key, value]) => ["--define", `${key} ${value}`]);
  await execa("rpmbuild", ["-bb", "--quiet", "--target", `${architecture.rpm}-linux`, ...defines, spec], {
    env: { SOURCE_DATE_EPOCH: String(date) },
  });
  return join(target, name);
}

function specText(tree: string, date: number): string {
  const { name, version, license, maintainer, summary, description, replaces } = ABOUT;
  return `Name: ${name}
Version: ${version}
Release: ${RELEASE}
Summary: ${summary}
License: ${license}
Group: System Environment/Base
Packager: ${maintainer}
AutoReqProv: no
${REQUIRES.map((what) => `Requires: ${what}\n`).join("")}${RECOMMENDS.map((what) => `Recommends: ${what}\n`).join("")}Provides: ${replaces.name} = ${replaces.version}
Obsoletes: ${replaces.name}
Conflicts: ${replaces.name}

%description
${description.join("\n")}

%install
mkdir -p %{buildroot}
cp -a ${tree}/. %{buildroot}

${Object.entries(SCRIPTS).map(scriptlet).join("\n")}
%files
%defattr(-,root,root)
${fileList(tree).join("\n")}

%changelog
* ${changelogDay(date)} ${maintainer} - ${version}-${RELEASE}
- See ${CHANGES}
`;
}

/** `date` (seconds since 1970) as rpm has it in its changelog: Fri Nov 27 2026. */
function changelogDay(date: number): string {
  const [weekday, day, month, year] = new Date(date * 1000).toUTCString().split(/,? /);
  return `${weekday} ${month} ${day} ${year}`;
}

/** rpm has its own line for who runs a script; the script has no macros. */
function scriptlet([section, script]: readonly [string, string]): string {
  const [, ...rest] = readFileSync(join(ROOT, "packaging/maintainer", script), "utf8").split("\n");
  return `%${section} -p /bin/sh\n${rest.join("\n")}`;
}

function fileList(tree: string): string[] {
  const configuration = new Set(configurationFiles(tree));
  const isOwn = ({ path }: Entry) => OWN.some((own) => path === own || path.startsWith(`${own}/`));
  return entries(tree)
    .filter((entry) => entry.kind !== "directory" || isOwn(entry))
    .map(({ path, kind }) => {
      if (kind === "directory") return `%dir ${path}`;
      return configuration.has(path) ? `%config(noreplace) ${path}` : path;
    });
}
