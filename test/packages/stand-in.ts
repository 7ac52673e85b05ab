/** Small packages of others, as far as ours meet them. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type AmazonVersion, amazonConfiguration } from "./amazon-configuration.ts";

export type Kind = "deb" | "rpm";

export interface StandIn {
  readonly name: string;
  readonly version: string;
  /** As the kind has it, each one a dependency. */
  readonly needs?: readonly string[];
  readonly provides?: readonly string[];
  /** Its programs, and what it has below /etc, by their paths. */
  readonly files?: Readonly<Record<string, string>>;
  /** Which of its files below /etc are no configuration to it. */
  readonly plain?: readonly string[];
  /** Shell scripts that are run before it is removed, and when its files are gone. */
  readonly beforeRemoval?: string;
  readonly afterRemoval?: string;
}

/** What rpm takes for the system, of which it knows nothing where none was installed by it. */
export const RPM_SYSTEM: StandIn = {
  name: "system",
  version: "1",
  provides: [
    "coreutils",
    "libc.so.6(GLIBC_2.28)(64bit)",
    "libgcc_s.so.1(GCC_3.4)(64bit)",
    "libstdc++.so.6(CXXABI_1.3.11)(64bit)",
    "libstdc++.so.6(GLIBCXX_3.4.21)(64bit)",
    "nfs-utils",
    "stunnel = 5.68",
    "util-linux",
    "/bin/sh",
  ],
};

const WATCHDOG = "amazon-efs-mount-watchdog";
const OTHER_PROGRAM = "#!/bin/sh\necho theirs\n";

/** A place for a unit of the watchdog's. */
export const UNIT_PLACES = ["/etc/systemd/system", "/usr/lib/systemd/system"] as const;

/** amazon-efs-utils as its project makes it: its files, their marks, and its scripts. */
export function amazonEfsUtils(
  kind: Kind,
  units: (typeof UNIT_PLACES)[number] = "/usr/lib/systemd/system",
  version: AmazonVersion = "3.2.0",
): StandIn {
  const unit = `${units}/${WATCHDOG}.service`;
  const authorities = "/etc/amazon/efs/efs-utils.crt";
  return {
    name: "amazon-efs-utils",
    version,
    files: {
      "/etc/amazon/efs/efs-utils.conf": amazonConfiguration(version),
      [authorities]: "authorities of another time\n",
      [unit]: `[Service]\nExecStart=/usr/bin/env ${WATCHDOG}\n`,
      "/sbin/mount.efs": OTHER_PROGRAM,
      [`/usr/bin/${WATCHDOG}`]: OTHER_PROGRAM,
    },
    plain: [authorities, unit],
    beforeRemoval: {
      deb: `systemctl disable ${WATCHDOG}.service; systemctl stop ${WATCHDOG}.service`,
      rpm: `[ "$1" != 0 ] || systemctl --no-reload disable --now ${WATCHDOG}.service`,
    }[kind],
    afterRemoval: "systemctl daemon-reload",
  };
}

const MAKERS = { deb: makeDeb, rpm: makeRpm };

/** Makes the package; its file. */
export function makeStandIn(kind: Kind, folder: string, standIn: StandIn): string {
  const scratch = mkdtempSync(join(folder, "scratch-"));
  const tree = join(scratch, "tree");
  mkdirSync(tree);
  for (const [path, text] of Object.entries(standIn.files ?? {})) {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), text, { mode: path.startsWith("/etc/") ? 0o644 : 0o755 });
  }
  const file = join(folder, `${standIn.name}.${kind}`);
  MAKERS[kind](standIn, scratch, tree, file);
  rmSync(scratch, { recursive: true });
  return file;
}

function configuration({ files = {}, plain = [] }: StandIn): string[] {
  return Object.keys(files).filter((path) => path.startsWith("/etc/") && !plain.includes(path));
}

function makeDeb(standIn: StandIn, _scratch: string, tree: string, file: string): void {
  const { name, version, needs = [], provides = [] } = standIn;
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
    configuration(standIn)
      .map((path) => `${path}\n`)
      .join(""),
  );
  for (const [script, text = ":"] of [
    ["prerm", standIn.beforeRemoval],
    ["postrm", standIn.afterRemoval],
  ]) {
    writeFileSync(join(control, `${script}`), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  }
  execFileSync("dpkg-deb", ["--root-owner-group", "--build", tree, file], {
    stdio: ["ignore", "pipe", "pipe"],
  });
}

function makeRpm(standIn: StandIn, scratch: string, tree: string, file: string): void {
  const { name, version, needs = [], provides = [], files = {} } = standIn;
  const configured = configuration(standIn);
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

%preun -p /bin/sh
${standIn.beforeRemoval ?? ""}

%postun -p /bin/sh
${standIn.afterRemoval ?? ""}

%files
%defattr(-,root,root)
${Object.keys(files)
  .map((path) => (configured.includes(path) ? `%config(noreplace) ${path}\n` : `${path}\n`))
  .join("")}`,
  );
  const definitions = [`_topdir ${scratch}/rpm`, `_rpmdir ${dirname(file)}`, `_rpmfilename ${name}.rpm`];
  const defines = definitions.flatMap((definition) => ["--define", definition]);
  execFileSync("rpmbuild", ["-bb", "--quiet", ...defines, spec], { stdio: ["ignore", "pipe", "pipe"] });
}
