import { createHash } from "node:crypto";
import { copyFileSync, cpSync, lstatSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { CONFIG } from "../src/app/install-layout.ts";
import { ABOUT, type Material, ROOT } from "./about.ts";
import { configurationFiles, entries } from "./tree.ts";

/** What the host must have; the libraries are those that node is linked with, since they have the symbols that it needs. */
const DEPENDS = [
  "libc6 (>= 2.28)",
  "libgcc-s1 (>= 3.4)",
  "libstdc++6 (>= 10.2)",
  "nfs-common",
  "stunnel4 (>= 3:5.15)",
  "util-linux",
];

/** Which of the maintainer scripts dpkg runs when (deb-postinst(5) and the like). */
const SCRIPTS = {
  preinst: "before-install",
  postinst: "after-install",
  prerm: "before-removal",
  postrm: "after-removal",
};

/** Level 9 takes two seconds here for what 19 takes 89 for, and makes it a seventh larger. */
const COMPRESSION = ["-Zzstd", "-z9", "--threads-max=1"];

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
  const control = join(folder, "DEBIAN");
  mkdirSync(control);
  writeFileSync(join(control, "control"), controlText(material));
  writeFileSync(join(control, "conffiles"), lines(configurationFiles(tree)));
  writeFileSync(join(control, "md5sums"), md5sums(tree));
  // for preinst, which is run before the files are there
  copyFileSync(join(tree, CONFIG.path), join(control, "configuration"));
  for (const [name, script] of Object.entries(SCRIPTS)) {
    copyFileSync(join(ROOT, "packaging/maintainer", script), join(control, name));
  }
  const file = join(target, `${ABOUT.name}_${ABOUT.version}_${architecture.deb}.deb`);
  await execa("dpkg-deb", ["--root-owner-group", ...COMPRESSION, "--build", folder, file], {
    env: { SOURCE_DATE_EPOCH: String(date) },
  });
  return file;
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
