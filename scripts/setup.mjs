#!/usr/bin/env node
// Makes a Debian machine and a fresh checkout ready for the tests and the demo: Debian's packages, node's, and
// the build. What is there already is left alone. Uses nothing but node.

import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

const ROOT = path.join(import.meta.dirname, "..");
/** The node that packages carry, which is also what runs in guests. */
const RUNTIME = path.join(ROOT, "packaging/runtime");

/** What the product needs, what its tests run it against, and what they look at it with. */
const PACKAGES = [
  "ca-certificates",
  "stunnel4",
  "nfs-common",
  "util-linux",
  "iproute2",
  "openssl",
  "patchelf",
  "busybox-static",
  "systemd",
  "groff-base",
  "binutils",
  process.arch === "arm64" ? "binutils-x86-64-linux-gnu" : "binutils-aarch64-linux-gnu",
  "rpm",
  "lintian",
  "rpmlint",
  "debootstrap",
  "debian-archive-keyring",
  "strace",
  "shellcheck",
  "mksh",
  "gcc",
  "libc6-dev",
  "nftables",
  "iptables",
  "libnfs-utils",
];

function run(file, args, options = {}) {
  const { status, error } = spawnSync(file, args, { cwd: ROOT, stdio: "inherit", ...options });
  if (status !== 0) throw new Error(`${file} ${args.join(" ")} failed${error ? `: ${error.message}` : ""}`);
}

function isInstalled(name) {
  const { stdout } = spawnSync("dpkg-query", ["--status", name], { encoding: "utf8" });
  return /^Status: .* installed$/m.test(stdout);
}

function installPackages() {
  const missing = PACKAGES.filter((name) => !isInstalled(name));
  if (missing.length === 0) return;
  console.log(`setup: installing ${missing.join(" ")}`);
  // RUNLEVEL=1: none of them starts a service here
  const command = [
    "env",
    "DEBIAN_FRONTEND=noninteractive",
    "RUNLEVEL=1",
    "apt-get",
    "-qq",
    "-o",
    "Dpkg::Use-Pty=0",
  ];
  const [file, ...start] = process.getuid() === 0 ? command : ["sudo", ...command];
  const stdio = ["ignore", "ignore", "inherit"];
  run(file, [...start, "update"], { stdio });
  run(file, [...start, "install", "--yes", "--no-install-recommends", ...missing], { stdio });
}

/** Whether a folder's node_modules is what its lock file says; npm notes there what it installed. */
function areModulesInstalled(folder) {
  const locked = JSON.parse(fs.readFileSync(path.join(folder, "package-lock.json"), "utf8")).packages;
  const note = path.join(folder, "node_modules/.package-lock.json");
  if (!fs.existsSync(note)) return false;
  const installed = JSON.parse(fs.readFileSync(note, "utf8")).packages;
  return Object.entries(locked).every(
    // "" is this package, and optional ones are for other machines
    ([name, { version, optional }]) => name === "" || optional || installed[name]?.version === version,
  );
}

function installModules(folder, ...flags) {
  if (areModulesInstalled(folder)) return;
  console.log(`setup: npm ci in ${folder}`);
  run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", ...flags], { cwd: folder });
}

try {
  installPackages();
  installModules(ROOT);
  // without links, or npm's scripts would run with that node
  installModules(RUNTIME, "--no-bin-links");
  run(process.execPath, ["scripts/build.mjs"]);
} catch (error) {
  console.error(`setup: ${error.message}`);
  process.exitCode = 1;
}
