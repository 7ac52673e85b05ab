/** Makes an image by its recipe, as an engine does, of a clean Debian system. */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { CHECKOUT } from "../support/built.ts";
import { CACHE, minimalRoot } from "./clean-root.ts";
import { type Instruction, parseRecipe } from "./recipe.ts";

const RECIPE = join(CHECKOUT, "packaging/container/Containerfile");
const LIMIT_MS = 300_000;

/** What images name, and the suite of Debian that it is a minimal system of. */
const BASES: Readonly<Record<string, string>> = { "docker.io/library/debian:12-slim": "bookworm" };

/**
 * What Debian's slim images have beside a minimal system, and a recipe may notice: no service starts while packages
 * are installed, documentation is left out, and apt keeps no packages.
 */
const SLIM: readonly (readonly [path: string, text: string, mode: number])[] = [
  ["usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", 0o755],
  [
    "etc/dpkg/dpkg.cfg.d/docker",
    ["doc", "info", "lintian", "locale", "man"]
      .map((name) => `path-exclude /usr/share/${name}/*\n`)
      .concat("path-include /usr/share/doc/*/copyright\n")
      .join(""),
    0o644,
  ],
  [
    "etc/apt/apt.conf.d/docker-clean",
    'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb"; };\nDir::Cache::pkgcache "";\n',
    0o644,
  ],
];

/** The environment of an image that sets none, and what engines pass on of the machine's while they make one. */
export const IMAGE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const PROXIES = ["http_proxy", "https_proxy", "no_proxy"];

/** What came of a recipe. */
export interface Image {
  readonly root: string;
  readonly volumes: readonly string[];
  readonly entrypoint: readonly string[];
}

/**
 * The image that the recipe makes with these packages in out/packages. It is made once for the same recipe, base and
 * files, and nothing may be written there.
 *
 * @param packages the directory that is out/packages to the recipe
 * @throws Error where an instruction fails, or nobody here can carry it out
 */
export function imageOf(packages: string): Image {
  const text = readFileSync(RECIPE, "utf8");
  const [first, ...steps] = parseRecipe(text);
  if (first?.kind !== "from") throw new Error("a recipe begins with FROM");
  const suite = BASES[first.image];
  if (suite === undefined) throw new Error(`there is nothing here in place of ${first.image}`);
  const base = minimalRoot(suite);
  const copies = steps.filter((step) => step.kind === "copy");
  const files = copies.flatMap(({ sources }) => sources.flatMap((source) => filesOf(source, packages)));
  const key = createHash("sha256").update(`${text}${statSync(base).ino}`);
  for (const file of [import.meta.filename, ...files]) key.update(basename(file)).update(readFileSync(file));
  const name = `image-${key.digest("hex").slice(0, 16)}`;
  if (!existsSync(join(CACHE, name))) make(name, base, steps, packages);
  return {
    root: join(CACHE, name),
    volumes: steps.flatMap((step) => (step.kind === "volume" ? step.paths : [])),
    entrypoint: steps.findLast((step) => step.kind === "entrypoint")?.words ?? [],
  };
}

function make(name: string, base: string, steps: readonly Instruction[], packages: string): void {
  const root = join(CACHE, `${name}.${process.pid}`);
  try {
    must("cp", ["--archive", base, root]);
    for (const [path, text, mode] of SLIM) writeFileSync(join(root, path), text, { mode });
    for (const step of steps) {
      if (step.kind === "copy") copyInto(root, step, packages);
      if (step.kind === "run") runIn(root, step.script);
      if (step.kind === "from") throw new Error("there are no stages here");
    }
    for (const old of readdirSync(CACHE).filter((other) => /^image-[0-9a-f]+$/.test(other))) {
      rmSync(join(CACHE, old), { recursive: true });
    }
    renameSync(root, join(CACHE, name));
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** The files of the checkout that a word of COPY means; only the last part of a path may be a pattern. */
function filesOf(source: string, packages: string): string[] {
  const path = source.replace(/^out\/packages\//, "");
  const [folder, pattern] = [dirname(join(path === source ? CHECKOUT : packages, path)), basename(source)];
  const expression = pattern
    .replaceAll(/[.+^(){}|]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  const names = readdirSync(folder).filter((name) => new RegExp(`^${expression}$`).test(name));
  if (names.length === 0) throw new Error(`COPY: no file of the checkout is ${source}`);
  return names.map((name) => join(folder, name));
}

function copyInto(root: string, step: Extract<Instruction, { kind: "copy" }>, packages: string): void {
  const files = step.sources.flatMap((source) => filesOf(source, packages));
  if (files.length > 1 && !step.target.endsWith("/"))
    throw new Error(`COPY: ${step.target} is to be a directory`);
  for (const file of files) {
    const target = step.target.endsWith("/") ? join(step.target, basename(file)) : step.target;
    // links lead to what is in there, also one that is the target: what it leads to is replaced
    const path = must("chroot", [root, "realpath", "--canonicalize-missing", target]).trim();
    const place = join(root, path);
    mkdirSync(dirname(place), { recursive: true });
    rmSync(place, { force: true });
    copyFileSync(file, place);
    chownSync(place, 0, 0);
    chmodSync(place, step.mode ?? statSync(file).mode & 0o777);
  }
}

/** Runs a script in there, with processes and mounts of its own and the machine's network. */
function runIn(root: string, script: string): void {
  copyFileSync("/etc/resolv.conf", join(root, "etc/resolv.conf"));
  const namespaces = ["--mount", "--pid", "--fork", "--kill-child", `--mount-proc=${join(root, "proc")}`];
  const proxies = Object.entries(process.env).filter(([name]) => PROXIES.includes(name.toLowerCase()));
  const env = { ...Object.fromEntries(proxies), PATH: IMAGE_PATH, HOME: "/root" };
  must("unshare", [...namespaces, "chroot", root, "/bin/sh", "-c", script], env);
}

function must(file: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): string {
  const options = { encoding: "utf8", timeout: LIMIT_MS, killSignal: "SIGKILL", env } as const;
  const { status, stdout, stderr, error } = spawnSync(file, args, options);
  if (status === 0) return stdout;
  throw error ?? new Error(`${file} ${args.join(" ")}: status ${status}\n${stdout}${stderr}`);
}
