/** Small packages of others, as far as ours meet them. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

export type Kind = "deb" | "rpm";

export interface StandIn {
  readonly name: string;
  readonly version: string;
  /** As the kind has it, each one a dependency. */
  readonly needs?: readonly string[];
  readonly provides?: readonly string[];
  /** Its programs and configuration files (those below /etc) by their paths. */
  readonly files?: Readonly<Record<string, string>>;
  /** A shell script that is run before it is removed. */
  readonly beforeRemoval?: string;
}

const MAKERS = { deb: makeDeb, rpm: makeRpm };

/** Makes the package; its file. */
export function makeStandIn(kind: Kind, folder: string, standIn: StandIn): string {
  const scratch = mkdtempSync(join(folder, "scratch-"));
  const tree = join(scratch, "tree");
  mkdirSync(tree);
  for (const [path, text] of Object.entries(standIn.files ?? {})) {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), text, { mode: isConfiguration(path) ? 0o644 : 0o755 });
  }
  const file = join(folder, `${standIn.name}.${kind}`);
  MAKERS[kind](standIn, scratch, tree, file);
  rmSync(scratch, { recursive: true });
  return file;
}

function isConfiguration(path: string): boolean {
  return path.startsWith("/etc/");
}

function makeDeb(standIn: StandIn, _scratch: string, tree: string, file: string): void {
  const { name, version, needs = [], provides = [], files = {}, beforeRemoval } = standIn;
  const control = join(tree, "DEBIAN");
  mkdirSync(control);
  const field = (key: string, values: readonly string[]) =>
    values.length === 0 ? "" : `${key}: ${values.join(", ")}\n`;
  writeFileSync(
    join(control, "control"),
    `Package: ${name}\nVersion: ${version}\nArchitecture: all\nMaintainer: m\n${field("Depends", needs)}${field("Provides", provides)}Description: d\n`,
  );
  writeFileSync(
    join(control, "conffiles"),
    Object.keys(files)
      .filter(isConfiguration)
      .map((path) => `${path}\n`)
      .join(""),
  );
  if (beforeRemoval !== undefined) {
    writeFileSync(join(control, "prerm"), `#!/bin/sh\n${beforeRemoval}\n`, { mode: 0o755 });
  }
  execFileSync("dpkg-deb", ["--root-owner-group", "--build", tree, file], { stdio: "pipe" });
}

function makeRpm(standIn: StandIn, scratch: string, tree: string, file: string): void {
  const { name, version, needs = [], provides = [], files = {}, beforeRemoval } = standIn;
  const spec = join(scratch, "package.spec");
  const lines = (key: string, values: readonly string[]) =>
    values.map((value) => `${key}: ${value}\n`).join("");
  writeFileSync(
    spec,
    `Name: ${name}
Version: ${version}
Release: 1
Summary: s
License: MIT
BuildArch: noarch
AutoReqProv: no
${lines("Requires", needs)}${lines("Provides", provides)}
%description
d
%install
mkdir -p %{buildroot}
cp -a ${tree}/. %{buildroot}
${beforeRemoval === undefined ? "" : `%preun -p /bin/sh\n${beforeRemoval}\n`}
%files
%defattr(-,root,root)
${Object.keys(files)
  .map((path) => (isConfiguration(path) ? `%config(noreplace) ${path}\n` : `${path}\n`))
  .join("")}`,
  );
  const definitions = [`_topdir ${scratch}/rpm`, `_rpmdir ${dirname(file)}`, `_rpmfilename ${name}.rpm`];
  const defines = definitions.flatMap((definition) => ["--define", definition]);
  execFileSync("rpmbuild", ["-bb", "--quiet", ...defines, spec], { stdio: "pipe" });
}
