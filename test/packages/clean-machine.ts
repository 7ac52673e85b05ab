import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { run } from "../fakes/namespaces.ts";
import { Authority, spawnWithTest, type Test } from "../support/authority.ts";
import { cleanRoot } from "./clean-root.ts";

const LIMIT_MS = 60_000;
const POLL_MS = 20;
export const FILE_SYSTEM = "fs-12345678";
const NAME = `${FILE_SYSTEM}.efs.us-east-1.amazonaws.com`;
export const ADDRESS = "127.0.0.5";
/** Mounts that file system. */
export const MOUNT = [
  "mount",
  "-t",
  "efs",
  "-o",
  "tls,noocsp,region=us-east-1,cafile=/authority.pem",
  `${FILE_SYSTEM}:/`,
  "/mnt",
] as const;

/** The same with all that the configuration says of the check for revocation. */
export const MOUNT_AS_CONFIGURED = [
  MOUNT[0],
  ...MOUNT.slice(1).map((argument) => argument.replace("noocsp,", "")),
] as const;

/** A responder that nobody reaches. */
export const SILENT_RESPONDER = "http://127.0.0.6:9";

/** Takes down its arguments: the kernel here has no NFS client. */
const MOUNT_NFS4 = `#!/bin/sh\necho "$*" >>/mount.nfs4.calls\n`;

/** A tunnel's two processes. */
export interface Tunnel {
  readonly keeper: number;
  readonly stunnel: number;
  readonly port: number;
}

/** A clean Debian system below a directory, in the namespaces that this process is in; all is forgotten at its end. */
export class CleanMachine {
  readonly #test: Test;
  readonly root: string;

  /** @param system the root directory of the system, into which nothing is written */
  constructor(test: Test, system = cleanRoot()) {
    this.#test = test;
    const place = mkdtempSync("/media/machine-");
    run("mount", "-t", "tmpfs", "tmpfs", place);
    for (const part of ["upper", "work", "root"]) mkdirSync(join(place, part));
    this.root = join(place, "root");
    const layers = `lowerdir=${system},upperdir=${place}/upper,workdir=${place}/work`;
    run("mount", "-t", "overlay", "overlay", "-o", layers, this.root);
    run("mount", "-t", "proc", "proc", join(this.root, "proc"));
    run("mount", "--rbind", "/dev", join(this.root, "dev"));
    run("mount", "-t", "tmpfs", "tmpfs", join(this.root, "run"));
    test.after(() => {
      for (const { keeper } of this.tunnels()) process.kill(keeper, "SIGTERM");
      run("umount", "--recursive", "--lazy", place);
    });
  }

  /** Runs a program in there, with a PATH as root has it. */
  run(file: string, ...args: string[]) {
    const { status, stdout, stderr, error } = spawnSync("chroot", [this.root, file, ...args], {
      encoding: "utf8",
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" },
      timeout: LIMIT_MS,
    });
    if (error !== undefined) throw error;
    return { status, stdout, stderr };
  }

  /** What a program prints, which must succeed. */
  output(file: string, ...args: string[]): string {
    const { status, stdout, stderr } = this.run(file, ...args);
    if (status === 0) return stdout;
    throw new Error(`${file} ${args.join(" ")}: status ${status}\n${stdout}${stderr}`);
  }

  /** Runs dpkg with a package's name or file; nobody is there to answer questions. */
  dpkg(action: "--install" | "--remove" | "--purge", what: string, ...options: string[]): void {
    const known = what.endsWith(".deb") ? this.take(what) : what;
    this.output("dpkg", "--force-unsafe-io", ...options, action, known);
  }

  /** Runs this machine's rpm for the system in there, of which rpm knows nothing that it did not install itself. */
  rpm(...args: string[]): void {
    run("rpm", "--root", this.root, ...args);
  }

  read(path: string): string {
    return readFileSync(join(this.root, path), "utf8");
  }

  write(path: string, text: string, mode = 0o644): void {
    writeFileSync(join(this.root, path), text, { mode });
  }

  /** Has what asks for systemd find it, as far as they can tell; all that it is told ends with this status. */
  pretendSystemd(status = 0): { calls(): string[] } {
    mkdirSync(join(this.root, "run/systemd/system"), { recursive: true });
    const systemctl = `#!/bin/sh\necho "$*" >>/systemctl.calls\nexit ${status}\n`;
    this.write("/usr/bin/systemctl", systemctl, 0o755);
    this.write("/systemctl.calls", "");
    return {
      calls: () => {
        const calls = this.read("/systemctl.calls").split("\n").slice(0, -1);
        this.write("/systemctl.calls", "");
        return calls;
      },
    };
  }

  /** Has the scripts of packages find a tunnel in use. */
  pretendTunnel(): void {
    mkdirSync(join(this.root, "run/efs"), { recursive: true });
    this.write("/run/efs/stunnel-config.fs-1.mnt.20049", "");
  }

  /**
   * Starts a file system behind TLS that the machine knows by its name, and trusts.
   *
   * @param responder the OCSP responder that its certificate names
   */
  async serve(responder?: string): Promise<void> {
    const folder = mkdtempSync("/media/authority-");
    this.#test.after(() => rmSync(folder, { recursive: true }));
    const authority = new Authority(folder, "authority");
    const { files } = authority.server({ host: NAME, ...(responder !== undefined && { responder }) });
    cpSync(authority.certificate, join(this.root, "authority.pem"));
    const identity = ["-cert", files.cert, "-key", files.key];
    const server = spawnWithTest(this.#test, "openssl", [
      "s_server",
      "-accept",
      `${ADDRESS}:2049`,
      ...identity,
    ]);
    // its first word, once it listens
    await once(server.stdout as NodeJS.ReadableStream, "data");
    this.write("/etc/hosts", `127.0.0.1 localhost\n${ADDRESS} ${NAME}\n`);
    this.write("/usr/sbin/mount.nfs4", MOUNT_NFS4, 0o755);
  }

  /** `mount -t efs`: the tunnel that it made. */
  mount(): Tunnel {
    this.output(...MOUNT);
    return this.tunnel();
  }

  /** The one tunnel that there is. */
  tunnel(): Tunnel {
    const [tunnel, ...others] = this.tunnels();
    if (tunnel === undefined || others.length > 0) throw new Error(`${others.length} others, or none`);
    return tunnel;
  }

  tunnels(): Tunnel[] {
    const all = processes();
    const scripts = all.filter(({ argv }) => basename(argv[1] ?? "") === "efs-tunnel-keeper");
    // a process that the keeper has just made is called as it is for a moment
    const keepers = scripts.filter(({ parent }) => !scripts.some(({ pid }) => pid === parent));
    return keepers.map(({ pid: keeper, argv: [, , , config = ""] }) => {
      const stunnel = all.find(({ argv }) => argv[1] === config)?.pid ?? 0;
      return { keeper, stunnel, port: Number(config.split(".").at(-1)) };
    });
  }

  /** Waits until the condition holds. */
  async until(what: string, holds: () => boolean): Promise<void> {
    for (const end = performance.now() + LIMIT_MS; !holds(); await sleep(POLL_MS)) {
      if (performance.now() > end) throw new Error(`it never came to pass that ${what}`);
    }
  }

  /** Brings a file in; its path there. */
  take(file: string): string {
    const path = `/${basename(file)}`;
    cpSync(file, join(this.root, path));
    return path;
  }
}

/** A process, with the names that it has here. */
export interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly argv: readonly string[];
}

export function processes(): Process[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const [, parent] = /^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${name}/status`, "utf8")) ?? [];
        const argv = readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0").slice(0, -1);
        return [{ pid: Number(name), parent: Number(parent), argv }];
      } catch {
        return []; // it has ended meanwhile
      }
    });
}

/** Whether somebody listens on a local port. */
export function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => end(true)).once("error", () => end(false));
  });
}
