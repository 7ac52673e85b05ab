/** A machine with the userland of a suite: its stunnel, run by its own loader; the product is installed by hand. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { run } from "../fakes/namespaces.ts";
import type { Test } from "../support/authority.ts";

export const STATE_DIRECTORY = "/var/run/efs";
const PROGRAMS = "/opt/efs";
const NODE = "/usr/bin/node";
/** Where the calls of mount.nfs4 are written down. */
const CALLS = "/tmp/mount.nfs4";
const ENVIRONMENT = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", AWS_EC2_METADATA_DISABLED: "true" };
const CONFIG = `[mount]
region = us-east-1
fall_back_to_mount_target_ip_address_enabled = false
retry_nfs_mount_command_count = 1
`;

/** What a program said, and how long it took. */
export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly tookMs: number;
}

/** A program that runs. */
export interface Running {
  /** What it has said so far. */
  output(): string;
  stop(): Promise<void>;
}

/** What is put into a suite's userland. */
export interface Given {
  /** The built programs. */
  readonly programs: string;
  /** The file of the authority that is trusted. */
  readonly authority: string;
  /** Names with their addresses. */
  readonly hosts: ReadonlyMap<string, string>;
  /** A private key for the machine: to make one takes longer than a mount. */
  readonly privateKey: string;
}

export class SuiteMachine {
  readonly root: string;

  /** @param userland see suiteRoot */
  constructor(test: Test, userland: string, given: Given) {
    const place = mkdtempSync("/media/suite-");
    run("mount", "-t", "tmpfs", "tmpfs", place);
    for (const part of ["upper", "work", "root"]) mkdirSync(join(place, part));
    this.root = join(place, "root");
    const layers = `lowerdir=${userland},upperdir=${place}/upper,workdir=${place}/work`;
    run("mount", "-t", "overlay", "overlay", "-o", layers, this.root);
    for (const folder of [PROGRAMS, "etc/amazon/efs", "var/log/amazon/efs", "usr/bin"])
      mkdirSync(join(this.root, folder), { recursive: true });
    run("mount", "-t", "proc", "proc", join(this.root, "proc"));
    run("mount", "--rbind", "/dev", join(this.root, "dev"));
    run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", join(this.root, "run"));
    run("mount", "--bind", given.programs, join(this.root, PROGRAMS));
    this.write(NODE, "");
    run("mount", "--bind", process.execPath, join(this.root, NODE));
    test.after(() => run("umount", "--recursive", "--lazy", place));
    this.#furnish(given);
  }

  #furnish({ authority, hosts, privateKey }: Given): void {
    const lines = [...hosts].map(([name, address]) => `${address} ${name}\n`);
    this.write("/etc/hosts", `127.0.0.1 localhost\n${lines.join("")}`);
    this.write("/etc/nsswitch.conf", "hosts: files dns\n");
    this.write("/etc/resolv.conf", "nameserver 127.0.0.1\n");
    this.write("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
    this.write("/etc/amazon/efs/efs-utils.conf", CONFIG);
    cpSync(authority, join(this.root, this.authorities));
    this.write("/etc/amazon/efs/privateKey.pem", readFileSync(privateKey, "utf8"), 0o400);
    this.write("/usr/sbin/mount.nfs4", MOUNT_NFS4, 0o755);
    mkdirSync(join(this.root, CALLS));
  }

  /** Runs a program in there. */
  async run(file: string, ...args: string[]): Promise<Ended> {
    const began = performance.now();
    const child = spawn("chroot", [this.root, file, ...args], {
      env: ENVIRONMENT,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const status = new Promise<number | null>((resolve) => child.once("exit", resolve));
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return { status: await status, stdout, stderr, tookMs: performance.now() - began };
  }

  /** Runs one of the product's programs. */
  program(name: string, ...args: string[]): Promise<Ended> {
    return this.run(NODE, `${PROGRAMS}/${name}.cjs`, ...args);
  }

  readonly authorities = "/etc/amazon/efs/efs-utils.crt";
  /** The program that holds the sockets of tunnels. */
  readonly keeper = `${PROGRAMS}/efs-tunnel-keeper`;

  /** Starts one of the programs, which goes on until it is stopped. */
  start(name: string, ...args: string[]): Running {
    const child = spawn("chroot", [this.root, NODE, `${PROGRAMS}/${name}.cjs`, ...args], {
      env: ENVIRONMENT,
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = once(child, "exit");
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (part) => {
      output += part;
    });
    return {
      output: () => output,
      stop: async () => {
        child.kill("SIGKILL");
        await ended;
      },
    };
  }

  /** Calls mount.efs for a mount point of its own. */
  async mount(fileSystem: string, name: string, options: string): Promise<Ended> {
    mkdirSync(join(this.root, "mnt", name), { recursive: true });
    return this.program("mount.efs", `${fileSystem}:/`, `/mnt/${name}`, "-o", options);
  }

  /** How often mount.nfs4 was run for a mount point. */
  nfsMounts(name: string): number {
    return readdirSync(join(this.root, CALLS)).filter((call) => call.startsWith(`${name}.`)).length;
  }

  /** What the state directory holds of a file system. */
  filesOf(fileSystem: string): string[] {
    const directory = join(this.root, STATE_DIRECTORY);
    if (!existsSync(directory)) return [];
    return readdirSync(directory).filter((file) => file.includes(`${fileSystem}.`));
  }

  /** Ends the tunnels of a file system, and takes their files away. */
  endTunnels(fileSystem: string): void {
    const files = this.filesOf(fileSystem);
    for (const file of files.filter((name) => /^fs-.*\d$/.test(name))) {
      const { keeper } = JSON.parse(this.read(`${STATE_DIRECTORY}/${file}`));
      process.kill(keeper.pid, "SIGTERM");
    }
    for (const file of files) rmSync(join(this.root, STATE_DIRECTORY, file), { recursive: true });
  }

  read(path: string): string {
    return readFileSync(join(this.root, path), "utf8");
  }

  write(path: string, content: string, mode = 0o644): void {
    writeFileSync(join(this.root, path), content, { mode });
  }
}

/** Stands in for mount.nfs4: writes down that it was run, and calls its server as the kernel does, with a NULL first. */
const MOUNT_NFS4 = `#!${NODE}
const [, , , mountPoint, , options] = process.argv;
require("node:fs").writeFileSync("${CALLS}/" + mountPoint.split("/").pop() + "." + process.pid, "");
const fail = (why) => {
  console.error("mount.nfs4: " + why + " for 127.0.0.1:/ on " + mountPoint);
  process.exit(32);
};
const call = (procedure) => {
  const words = [0x80000028, 1, 0, 2, 100003, 4, procedure, 0, 0, 0, 0];
  socket.write(Buffer.concat(words.map((word) => Buffer.from(word.toString(16).padStart(8, "0"), "hex"))));
};
const socket = require("node:net").connect(/port=(\\d+)/.exec(options)[1], "127.0.0.1", () => call(0));
socket.once("data", () => {
  call(1);
  socket.once("data", () => process.exit(0));
});
socket.on("error", (error) => fail(error.message));
socket.on("close", () => fail("Connection closed"));
setTimeout(() => fail("Connection timed out"), 2000);
`;
