import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type Test, temporaryDirectory } from "./authority.ts";

export const NAME = "fs-12345678.efs.us-east-1.amazonaws.com";
const CONFIG = "[mount]\nregion = us-east-1\nfall_back_to_mount_target_ip_address_enabled = false\n";

/** Covers what mounts write and read, and brings what the test has given. */
const SANDBOX = `
set -eu
place=$1; shift
mount --make-rprivate /
mount -t tmpfs layer "$place/layer"
for each in etc usr/sbin; do
  upper=$place/layer/$each.upper work=$place/layer/$each.work
  mkdir -p "$upper" "$work"
  mount -t overlay layer -o "lowerdir=/$each,upperdir=$upper,workdir=$work" "/$each"
done
mount -t tmpfs -o mode=755 run /run
mount -t tmpfs -o mode=755 log /var/log
mkdir -p /etc/amazon/efs /var/log/amazon/efs
mount --bind "$place/log" /var/log/amazon/efs
cp "$place/given"/efs-utils.* /etc/amazon/efs
echo "127.0.0.5 ${NAME}" >>/etc/hosts
rm -f /usr/sbin/mount.nfs4
cp "$place/given/mount.nfs4" /usr/sbin
exec "$@"`;

/** A program for node: a TLS server at an address, with the files of a key and a certificate. It says when it is ready. */
export const TLS_SERVER = `
  const [address, ...files] = process.argv.slice(1);
  const [key, cert] = files.map((file) => require("node:fs").readFileSync(file));
  const answer = (socket) => socket.on("error", () => {}).on("data", () => socket.write("an answer"));
  const server = require("node:tls").createServer({ key, cert }, answer);
  server.on("tlsClientError", () => {}).listen(2049, address, () => console.log("ready"));`;

/** How a call of mount.efs ended. */
export interface Outcome {
  readonly status: number | null;
  readonly stderr: string;
  /** Milliseconds until whoever waits for its end and its output goes on. */
  readonly took: number;
}

export interface MachineOptions {
  /** Lines of efs-utils.conf after those of [mount]. */
  readonly config?: string;
  /** The file of authorities. */
  readonly authorities?: string;
  /** The shell script that stands in for mount.nfs4. */
  readonly nfs?: string;
}

/** Runs mount.efs with the machine's own files covered; what it does there is forgotten but for its log. */
export class MountMachine {
  readonly #place: string;
  readonly #program: string;

  /** @param program the built mount.efs */
  constructor(
    test: Test,
    program: string,
    { config = "", authorities = "", nfs = "exit 0" }: MachineOptions = {},
  ) {
    this.#place = temporaryDirectory(test, "machine");
    this.#program = program;
    for (const name of ["layer", "log", "given"]) mkdirSync(join(this.#place, name));
    const give = (name: string, content: string, mode = 0o644) =>
      writeFileSync(join(this.#place, "given", name), content, { mode });
    give("efs-utils.conf", `${CONFIG}${config}`);
    give("efs-utils.crt", authorities);
    give("mount.nfs4", `#!/bin/sh\n${nfs}\n`, 0o755);
  }

  /** Mounts in the network, and among the processes, of this machine. */
  mount(args: readonly string[], environment: Record<string, string> = {}): Promise<Outcome> {
    return this.#run([], [process.execPath, this.#program, ...args], environment);
  }

  /**
   * Runs a shell script, in which `mount_efs` is the program, with a network and processes of its own, which
   * end with it.
   */
  run(script: string, ...args: string[]): Promise<Outcome> {
    const alone = ["--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
    const shell = `ip link set lo up; mount_efs="${process.execPath} ${this.#program}"\n${script}`;
    return this.#run(alone, ["/bin/sh", "-c", shell, "sh", ...args], {});
  }

  get log(): string {
    const file = join(this.#place, "log/mount.log");
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  }

  async #run(names: string[], command: string[], environment: Record<string, string>): Promise<Outcome> {
    const args = ["--mount", ...names, "/bin/sh", "-c", SANDBOX, "sh", this.#place, ...command];
    const began = performance.now();
    const child = spawn("unshare", args, {
      env: { PATH: process.env.PATH, AWS_EC2_METADATA_DISABLED: "true", ...environment },
      stdio: ["ignore", "ignore", "pipe"],
    });
    const [stderr, [status]] = await Promise.all([text(child.stderr), once(child, "exit")]);
    return { status, stderr, took: performance.now() - began };
  }
}
