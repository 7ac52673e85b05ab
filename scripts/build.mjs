#!/usr/bin/env node
// Builds src/bin into dist/ (or the directory given): one CommonJS file a program, its V8 code cache, and the
// files beside it. What is there then is what `efs-utils install` installs. Programs may run from there
// meanwhile: every file is replaced whole.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const isProgram = process.argv[1] === fileURLToPath(import.meta.url);
const DIST = path.resolve((isProgram && process.argv[2]) || path.join(ROOT, "dist"));

/** Files of src/bin that become programs of their own; one that is not written yet is left out. */
const PROGRAMS = ["mount.efs", "amazon-efs-mount-watchdog", "efs-utils"];

/** Small programs around them: run as they are, without a code cache. */
const HELPERS = ["launch", "code-cache"];

/**
 * Modules that are loaded when they are needed: `import()` of one of these files becomes a `require` of
 * dist/NAME.cjs, and nothing of it is in the programs. {name, source: path from the root}. Such a module hands
 * packages on and imports nothing else of src, of which it would have a second copy: an EfsError of its own
 * would not be one for the program.
 */
const LAZY = [
  { name: "pino", source: "src/lazy/pino.ts" },
  { name: "aws-efs", source: "src/lazy/aws-efs.ts" },
  { name: "aws-ec2", source: "src/lazy/aws-ec2.ts" },
  { name: "aws-profiles", source: "src/lazy/aws-profiles.ts" },
  { name: "aws-referred", source: "src/lazy/aws-referred.ts" },
];

/** Files that are installed as they are: from the root, to dist/. */
const COPIED = [
  ["src/keeper/efs-tunnel-keeper", "efs-tunnel-keeper", 0o755],
  ["config/efs-utils.conf", "efs-utils.conf", 0o644],
  ["config/efs-utils.crt", "efs-utils.crt", 0o644],
  ["config/amazon-efs-mount-watchdog.service", "amazon-efs-mount-watchdog.service", 0o644],
  ["LICENSE", "LICENSE", 0o644],
  ["THIRD-PARTY-LICENSES", "THIRD-PARTY-LICENSES", 0o644],
];

const { version } = JSON.parse(fs.readFileSync(path.join(ROOT, "package.json"), "utf8"));

const lazily = {
  name: "lazily",
  setup(bundler) {
    bundler.onResolve({ filter: /^\./ }, ({ kind, path: wanted, resolveDir }) => {
      const source = path.relative(ROOT, path.resolve(resolveDir, wanted));
      const lazy = kind === "dynamic-import" && LAZY.find((entry) => entry.source === source);
      return lazy ? { path: `./${lazy.name}.cjs`, external: true } : undefined;
    });
  },
};

/** The files one entry point becomes, by name, and esbuild's account of what went into them. */
export async function bundle({ name, source }) {
  const { outputFiles, metafile, warnings } = await build({
    absWorkingDir: ROOT,
    entryPoints: { [name]: source },
    outdir: DIST,
    outExtension: { ".js": ".cjs" },
    bundle: true,
    write: false,
    metafile: true,
    platform: "node",
    target: "node20.19",
    format: "cjs",
    // a script with a code cache cannot import(): esbuild makes it require()
    supported: { "dynamic-import": false },
    define: {
      PACKAGE_VERSION: JSON.stringify(version),
      "import.meta.dirname": "__dirname",
      "import.meta.filename": "__filename",
      "import.meta.url": "__filename",
    },
    minifyWhitespace: true,
    minifySyntax: true,
    charset: "ascii",
    legalComments: "external",
    plugins: [lazily],
    logLevel: "warning",
  });
  if (warnings.length > 0) throw new Error(`esbuild warns of ${name}: see above`);
  return { metafile, files: outputFiles.map((file) => [path.basename(file.path), file.text]) };
}

/** Every entry point that there is: {name, source}. */
export function entryPoints() {
  const own = [...HELPERS, ...PROGRAMS].map((name) => ({ name, source: `src/bin/${name}.ts` }));
  return [...own, ...LAZY].filter(({ source }) => fs.existsSync(path.join(ROOT, source)));
}

/** The text with its own hash as its first line, 40 characters: see src/bin/launch.ts. */
function stamped(text) {
  return `// ${createHash("sha256").update(text).digest("hex").slice(0, 36)}\n${text}`;
}

function replace(name, content, mode = 0o644) {
  const temporary = path.join(DIST, `.${name}.${process.pid}.tmp`);
  fs.writeFileSync(temporary, content, { mode });
  fs.chmodSync(temporary, mode);
  fs.renameSync(temporary, path.join(DIST, name));
}

async function main() {
  fs.mkdirSync(DIST, { recursive: true });
  const kept = new Set();
  const put = (name, content, mode) => {
    replace(name, content, mode);
    kept.add(name);
  };
  for (const entry of entryPoints()) {
    const program = PROGRAMS.includes(entry.name);
    const { files, metafile } = await bundle(entry);
    const copied = Object.keys(metafile.inputs).find(
      (file) => file.startsWith("src/") && file !== entry.source,
    );
    if (LAZY.includes(entry) && copied) throw new Error(`${entry.source} imports ${copied}: see LAZY`);
    for (const [name, text] of files) {
      if (text !== "") put(name, program && name.endsWith(".cjs") ? stamped(text) : text);
    }
  }
  for (const [source, name, mode] of COPIED) {
    const file = path.join(ROOT, source);
    if (fs.existsSync(file)) put(name, fs.readFileSync(file), mode);
  }
  for (const name of PROGRAMS.filter((program) => kept.has(`${program}.cjs`))) {
    const program = path.join(DIST, `${name}.cjs`);
    const cache = path.join(DIST, `${name}.cache`);
    execFileSync(process.execPath, [path.join(DIST, "code-cache.cjs"), program, program, cache], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    kept.add(path.basename(cache));
  }
  for (const name of fs.readdirSync(DIST)) {
    if (!kept.has(name) && !name.startsWith(".")) fs.rmSync(path.join(DIST, name), { recursive: true });
  }
}

if (isProgram) await main();
