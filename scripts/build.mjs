#!/usr/bin/env node
// Builds src/bin into dist/ (or the directory given): one CommonJS file a program, its V8 code cache, and the
// files beside it. What is there then is what `efs-utils install` installs. Programs may run from there
// meanwhile: every file is replaced whole.

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const isProgram = process.argv[1] === fileURLToPath(import.meta.url);
const DIST = path.resolve((isProgram && process.argv[2]) || path.join(ROOT, "dist"));

/** Files of src/bin that become programs of their own. */
const PROGRAMS = ["mount.efs", "amazon-efs-mount-watchdog", "efs-utils", "amazon-efs-fstab-generator"];

/** Small programs around them: run as they are, without a code cache. */
const HELPERS = ["launch", "code-cache", "efs-publish", "efs-namespace-socket"];

/**
 * Modules that are loaded when they are needed: `import()` of one of these files becomes a `require` of
 * dist/NAME.cjs, and nothing of it is in the programs. Such a module hands packages on and imports nothing of
 * src, of which it would have a second copy: an EfsError of its own would not be one for the program.
 */
const LAZY = fs.readdirSync(path.join(ROOT, "src/lazy")).map((file) => {
  return { name: path.basename(file, ".ts"), source: `src/lazy/${file}` };
});

/** Files that are installed as they are: from the root, to dist/. */
const COPIED = [
  ["src/keeper/efs-tunnel-keeper", "efs-tunnel-keeper", 0o755],
  ["config/efs-utils.conf", "efs-utils.conf", 0o644],
  ["config/efs-utils.crt", "efs-utils.crt", 0o644],
  ["config/amazon-efs-mount-watchdog.service", "amazon-efs-mount-watchdog.service", 0o644],
  ["config/logrotate", "logrotate", 0o644],
  ...fs.readdirSync(path.join(ROOT, "man")).map((page) => [`man/${page}`, page, 0o644]),
  ["docs/runbook.md", "runbook.md", 0o644],
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

/** All that is built: {name, source}. */
export function entryPoints() {
  const own = [...HELPERS, ...PROGRAMS].map((name) => ({ name, source: `src/bin/${name}.ts` }));
  return [...own, ...LAZY];
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

/** What completes the commands of efs-utils in bash, by its own account. */
async function completion(put) {
  const program = path.join(DIST, "efs-utils.cjs");
  const { stdout } = await promisify(execFile)(process.execPath, [program, "completion"]);
  put("efs-utils.bash", stdout);
}

async function main() {
  fs.mkdirSync(DIST, { recursive: true });
  const kept = new Set();
  const put = (name, content, mode) => {
    replace(name, content, mode);
    kept.add(name);
  };
  const entries = entryPoints();
  const bundles = await Promise.all(entries.map(bundle));
  for (const [index, { files }] of bundles.entries()) {
    const program = PROGRAMS.includes(entries[index].name);
    for (const [name, text] of files) {
      if (text !== "") put(name, program && name.endsWith(".cjs") ? stamped(text) : text);
    }
  }
  for (const [source, name, mode] of COPIED) {
    put(name, fs.readFileSync(path.join(ROOT, source)), mode);
  }
  const caches = PROGRAMS.map(async (name) => {
    const program = path.join(DIST, `${name}.cjs`);
    const cache = path.join(DIST, `${name}.cache`);
    await promisify(execFile)(process.execPath, [path.join(DIST, "code-cache.cjs"), program, program, cache]);
    kept.add(path.basename(cache));
  });
  await Promise.all([...caches, completion(put)]);
  for (const name of fs.readdirSync(DIST)) {
    if (!kept.has(name) && !name.startsWith(".")) fs.rmSync(path.join(DIST, name), { recursive: true });
  }
}

if (isProgram) await main();
