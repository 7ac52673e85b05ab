import { createHash } from "node:crypto";
import { copyFileSync, cpSync, lstatSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { CONFIG } from "../src/app/install/layout.ts";
import { ABOUT, type Material, RECOMMENDS, ROOT } from "./about.ts";
import { configurationFiles, entries } from "./tree.ts";

/** What the host must have; the libraries are those that node is linked with, since they have the symbols that it needs. */
const DEPENDS = [
  "libc6 (>= 2.28)",
  "libgcc-s1 (>= 3.4)",
  "libstdc++6 (>= 10.2)",
  "mount",
  "nfs-common",
  "stunnel4 (>= 3:5.15)",
];

/** Which of the maintainer scripts dpkg runs when (deb-postinst(5) and the like). */
const SCRIPTS = {
  preinst: "before-install",
  postinst: "after-install",
  prerm: "before-removal",
  postrm: "after-removal",
};

/** What dpkg reads on every system: that of Debian 11 knows no zstd. */
const COMPRESSION = ["-Zgzip", "-z6"];

/** What lintian(1) calls an error here, and is on purpose. */
const OVERRIDES = join(ROOT, "packaging/lintian-overrides");

const KIB = 1024;

/**
 * Makes a Debian package (deb(5)).
 *
 * @param scratch a directory for what is made on the way
 * @returns the package's file, in `target`
 */
export async function makeDeb(material: Material, scratch: string, target: string): Promise<string> {
  const { tree, architecture, date } = material;
  const folder = join(scratch, "deb");
  cpSync(tree, folder, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
  const overrides = join(folder, "usr/share/lintian/overrides");
  mkdirSync(overrides, { recursive: true });
  copyFileSync(OVERRIDES, join(overrides, ABOUT.name));
  const sums = md5sums(folder);
  const control = join(folder, "DEBIAN");
  mkdirSync(control);
  writeFileSync(join(control, "control"), controlText(material));
  writeFileSync(join(control, "conffiles"), lines(configurationFiles(tree)));
  writeFileSync(join(control, "md5sums"), sums);
  for (const [name, script] of Object.entries(SCRIPTS)) {
    copyFileSync(join(ROOT, "packaging/maintainer", script), join(control, name));
  }
  addConfiguration(join(control, "preinst"), readFileSync(join(tree, CONFIG.path), "utf8"));
  const file = join(target, `${ABOUT.name}_${ABOUT.version}_${architecture.deb}.deb`);
  await execa("dpkg-deb", ["--root-owner-group", ...COMPRESSION, "--build", folder, file], {
    env: { SOURCE_DATE_EPOCH: String(date) },
  });
  return file;
}

/** Lets a script that is run before the files are there write the configuration: by the function `shipped_configuration`. */
function addConfiguration(script: string, configuration: string): void {
  const [interpreter = "", ...rest] = readFileSync(script, "utf8").split("\n");
  const end = "END-OF-CONFIGURATION";
  const addition = `shipped_configuration() {\n\tcat <<'${end}'\n${configuration}${end}\n}\n`;
  writeFileSync(script, `${interpreter}\n${addition}${rest.join("\n")}`);
}

function controlText({ tree, architecture }: Material): string {
  const { name, version, maintainer, summary, description, replaces } = ABOUT;
  return lines([
    `Package: ${name}`,
    `Version: ${version}`,
    `Architecture: ${architecture.deb}`,
    `Maintainer: ${maintainer}`,
    `Installed-Size: ${installedKib(tree)}`,
    `Depends: ${DEPENDS.join(", ")}`,
    `Recommends: ${RECOMMENDS.join(", ")}`,
    `Provides: ${replaces.name} (= ${replaces.version})`,
    `Conflicts: ${replaces.name}`,
    `Replaces: ${replaces.name}`,
    "Section: admin",
    "Priority: optional",
    `Description: ${summary}`,
    ...description.map((line) => ` ${line}`),
  ]);
}

/** As deb-substvars(5) has it: each file in whole KiB, and one for anything else. */
function installedKib(tree: string): number {
  return entries(tree)
    .map(({ path, kind }) => (kind === "file" ? Math.ceil(lstatSync(join(tree, path)).size / KIB) : 1))
    .reduce((sum, kib) => sum + kib, 0);
}

/** What `dpkg --verify` compares files with; it has configuration files in its own account. */
function md5sums(tree: string): string {
  const configuration = new Set(configurationFiles(tree));
  const files = entries(tree).filter(({ path, kind }) => kind === "file" && !configuration.has(path));
  return lines(
    files.map(({ path }) => {
      const sum = createHash("md5")
        .update(readFileSync(join(tree, path)))
        .digest("hex");
      return `${sum}  ${path.slice(1)}`;
    }),
  );
}

function lines(all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join("");
}
