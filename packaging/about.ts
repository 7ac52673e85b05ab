import { readFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { PACKAGE } from "../src/app/install/layout.ts";

export const ROOT = join(import.meta.dirname, "..");

const { version, license } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));

/** What both kinds of packages say of themselves. */
export const ABOUT = {
  name: PACKAGE,
  version: version as string,
  license: license as string,
  maintainer: "EFS mount helper maintainers <maintainers@example.invalid>",
  summary: "mounts Amazon EFS file systems, with encryption in transit",
  description: [
    "mount.efs, amazon-efs-mount-watchdog and efs-utils: commands, fstab lines,",
    "options, configuration and state files are those of amazon-efs-utils, which",
    "this package replaces. It includes its own copy of Node.js.",
  ],
  /** The package whose place this one takes, and the version of it whose interface this one has. */
  replaces: { name: "amazon-efs-utils", version: "2.3.3" },
} as const;

/** What is useful beside it: logrotate turns debug logs, nftables restricts who may use a tunnel. Both kinds call them so. */
export const RECOMMENDS = ["logrotate", "nftables"] as const;

/** A kind of machine that there are packages for, by its names. */
export interface Architecture {
  readonly node: string;
  readonly deb: string;
  readonly rpm: string;
  /** The strip(1) for its programs on machines of another kind. */
  readonly strip: string;
}

const ARCHITECTURES: readonly Architecture[] = [
  { node: "x64", deb: "amd64", rpm: "x86_64", strip: "x86_64-linux-gnu-strip" },
  { node: "arm64", deb: "arm64", rpm: "aarch64", strip: "aarch64-linux-gnu-strip" },
];

/** The kind of machine that node calls so; this machine's by default. */
export function architecture(name: string = process.arch): Architecture {
  const found = ARCHITECTURES.find(({ node }) => node === name);
  if (found !== undefined) return found;
  throw new Error(
    `there is no packaged node for ${name}: only for ${ARCHITECTURES.map(({ node }) => node).join(", ")}`,
  );
}

/** What a package is made of. */
export interface Material {
  /** All that it brings, as it will be below /. */
  readonly tree: string;
  readonly architecture: Architecture;
  /** The time of every file, in seconds since 1970. */
  readonly date: number;
}

/**
 * The time of all that is packaged, in seconds since 1970: SOURCE_DATE_EPOCH where it is set (the reproducible
 * builds project's specification), else the last commit's.
 */
export async function sourceDate(): Promise<number> {
  const given = process.env.SOURCE_DATE_EPOCH;
  const text = given ?? (await execa("git", ["log", "-1", "--format=%ct"], { cwd: ROOT })).stdout;
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw new Error(`SOURCE_DATE_EPOCH is ${JSON.stringify(text)}, which is no number of seconds`);
}
