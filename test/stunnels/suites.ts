/** Userlands of other Debian releases: their stunnel, what it needs to run, and what the product needs beside it. */
import { execFile, execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

export const SUITES = ["bullseye", "bookworm", "trixie", "sid"] as const;
export type Suite = (typeof SUITES)[number];

const CACHE = join(import.meta.dirname, ".cache");
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
/** stunnel and its OpenSSL, the shell and the tools that the keeper runs in, and the libraries of node. */
const WANTED = [
  "stunnel4",
  "openssl",
  "dash",
  "coreutils",
  "util-linux",
  "libc-bin",
  "libstdc++6",
  "libgcc-s1",
];
/** Dependencies that are followed: the rest is what maintainer scripts need, and none of them is run. */
const FOLLOWED = /^(lib|zlib|stunnel$|openssl)/;
const FOLDERS = ["dev", "etc", "media", "mnt", "opt", "proc", "root", "run", "sys", "tmp", "var/log"];
const MERGED = ["bin", "sbin", "lib", "lib64"];
const LIMIT_MS = 300_000;
const MAX_BUFFER = 1e8;
const run = promisify(execFile);

/**
 * The root directory of a suite, made once from its archive; nothing may be written there.
 *
 * @param wanted its packages; libraries that they depend on come along
 * @throws where the archive cannot be read or its signature is wrong
 */
export async function suiteRoot(
  suite: Suite,
  wanted: readonly string[] = WANTED,
  say: (line: string) => void = () => {},
): Promise<string> {
  // another one is made where what is in it changes
  const digest = createHash("sha256").update(`${wanted} ${FOLLOWED}`).digest("hex").slice(0, 8);
  const root = join(CACHE, `${suite}-${digest}`);
  if (!existsSync(root)) {
    say(`downloading ${wanted.join(" ")} of ${suite}`);
    // guests that boot side by side ask for the same one
    making.set(root, making.get(root) ?? makeRoot(suite, wanted, root));
  }
  await making.get(root);
  return root;
}

/** The roots that this process makes. */
const making = new Map<string, Promise<void>>();

async function makeRoot(suite: Suite, wanted: readonly string[], root: string): Promise<void> {
  const folder = `${root}.${process.pid}`;
  mkdirSync(folder, { recursive: true });
  try {
    const fresh = join(folder, "root");
    await unpack(await download(new Archive(suite, folder), wanted), fresh);
    // another process may have made it meanwhile
    if (!existsSync(root)) renameSync(fresh, root);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One suite of the archive that this machine's own packages are from, by apt with directories of its own. */
class Archive {
  readonly folder: string;
  readonly #options: readonly string[];

  constructor(suite: Suite, folder: string) {
    this.folder = join(folder, "packages");
    for (const name of ["packages", "lists/partial", "archives/partial"])
      mkdirSync(join(folder, name), { recursive: true });
    writeFileSync(join(folder, "sources.list"), `deb [signed-by=${KEYRING}] ${ownArchive()} ${suite} main\n`);
    writeFileSync(join(folder, "status"), "");
    this.#options = [
      `Dir::Etc::sourcelist=${folder}/sources.list`,
      "Dir::Etc::sourceparts=-",
      `Dir::State::lists=${folder}/lists`,
      `Dir::State::status=${folder}/status`,
      `Dir::Cache=${folder}`,
      "Acquire::Languages=none",
      "APT::Sandbox::User=root",
      "APT::Update::Error-Mode=any",
    ].flatMap((option) => ["-o", option]);
  }

  async call(program: "apt-get" | "apt-cache", ...args: string[]): Promise<string> {
    const options = { cwd: this.folder, timeout: LIMIT_MS, maxBuffer: MAX_BUFFER };
    return (await run(program, [...this.#options, ...args], options)).stdout;
  }
}

/** Where this machine has its own release from. */
function ownArchive(): string {
  const release = /^VERSION_CODENAME=(\w+)$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1];
  const targets = execFileSync("apt-get", ["indextargets", "--format", "$(RELEASE) $(SITE)"], {
    encoding: "utf8",
  });
  const [, site] = new RegExp(`^${release} (\\S+)$`, "m").exec(targets) ?? [];
  if (site === undefined) throw new Error(`apt has no source for ${release}`);
  return site;
}

/** The files of the wanted packages and of what they depend on. */
async function download(archive: Archive, wanted: readonly string[]): Promise<string[]> {
  await archive.call("apt-get", "--quiet=2", "update");
  const known = new Set<string>();
  for (let names = wanted; names.length > 0; ) {
    const records = await archive.call("apt-cache", "show", "--no-all-versions", ...names);
    for (const [, name = ""] of records.matchAll(/^Package: (\S+)$/gm)) known.add(name);
    names = dependencies(records).filter((name) => FOLLOWED.test(name) && !known.has(name));
    // a name that no package has would be asked for again
    for (const name of names) known.add(name);
  }
  await archive.call("apt-get", "--quiet=2", "download", ...known);
  return readdirSync(archive.folder).map((name) => join(archive.folder, name));
}

/** The first alternative of each dependency. */
function dependencies(records: string): string[] {
  const lines = [...records.matchAll(/^(?:Pre-)?Depends: (.*)$/gm)].map(([, line = ""]) => line);
  return [
    ...new Set(
      lines
        .join(", ")
        .split(", ")
        .flatMap((part) => /^[\w.+-]+/.exec(part)?.[0] ?? []),
    ),
  ];
}

async function unpack(packages: readonly string[], root: string): Promise<void> {
  for (const folder of [...FOLDERS, ...MERGED.map((name) => `usr/${name}`)])
    mkdirSync(join(root, folder), { recursive: true });
  for (const name of MERGED) symlinkSync(`usr/${name}`, join(root, name));
  symlinkSync("../run", join(root, "var/run"));
  for (const file of packages) {
    const reader = spawn("dpkg-deb", ["--fsys-tarfile", file], { stdio: ["ignore", "pipe", "inherit"] });
    const tar = ["--extract", "--keep-directory-symlink", "--directory", root];
    const writer = spawn("tar", tar, { stdio: [reader.stdout, "inherit", "inherit"] });
    const ended = await Promise.all([once(reader, "exit"), once(writer, "exit")]);
    if (ended.some(([status]) => status !== 0)) throw new Error(`${file} cannot be unpacked`);
  }
  if (!existsSync(join(root, "bin/sh"))) symlinkSync("dash", join(root, "bin/sh"));
}
