import { spawn } from "node:child_process";
import type { X509Certificate } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { createServer, type TLSSocket } from "node:tls";
import { Authority, type Test } from "../support/authority.ts";
import { CHECKOUT } from "../support/built.ts";
import { run } from "./namespaces.ts";
import { answerNull } from "./nfs-null.ts";

/** What a machine is made in, beside its network: see inNamespaces. */
export const MACHINE_NAMESPACES = ["--mount", "--pid", "--mount-proc"];

/** Root's home there: the real one may hold the checkout. */
export const HOME = "/media/root";

const NFS_PORT = 2049;
const LIMIT_MS = 30_000;

interface Entry {
  readonly name: string;
  readonly source: string;
}

/** Parts of scripts/build.mjs. */
interface Build {
  entryPoints(): Entry[];
  bundle(entry: Entry): Promise<{
    files: [name: string, text: string][];
    metafile: { inputs: Record<string, unknown> };
  }>;
}

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A machine with the product's places empty, made of the namespaces that this process is in: mount.nfs4 only
 * writes down what it sees, and file systems are TLS servers that want a certificate.
 */
export class Machine {
  readonly folder: string;
  readonly #test: Test;
  readonly #authority: Authority;
  /** Files that went into the programs, by program. */
  readonly inputs = new Map<string, string[]>();
  readonly #presented: X509Certificate[] = [];
  readonly #clients = new EventEmitter();

  constructor(test: Test) {
    this.#test = test;
    run("mount", "--make-rprivate", "/");
    for (const place of ["/media", "/run", "/var/log"]) run("mount", "-t", "tmpfs", "tmpfs", place);
    mkdirSync(HOME);
    const layer = mkdtempSync("/media/etc-");
    for (const part of ["upper", "work"]) mkdirSync(join(layer, part));
    const layers = `lowerdir=/etc,upperdir=${layer}/upper,workdir=${layer}/work`;
    run("mount", "-t", "overlay", "overlay", "-o", layers, "/etc");
    run("rm", "-rf", "/etc/amazon");
    mkdirSync("/etc/amazon/efs", { recursive: true });
    this.folder = mkdtempSync("/media/machine-");
    for (const part of ["dist", "mnt", "seen", "authority"]) mkdirSync(join(this.folder, part));
    writeFileSync(join(this.folder, "mount.nfs4"), STUB.replaceAll("FOLDER", this.folder), { mode: 0o755 });
    run("mount", "--bind", join(this.folder, "mount.nfs4"), "/sbin/mount.nfs4");
    this.#authority = new Authority(join(this.folder, "authority"), "authority");
    cpSync(this.#authority.certificate, "/etc/amazon/efs/efs-utils.crt");
    // a key of its own would cost the first mount seconds
    run("openssl", "genrsa", "-out", "/etc/amazon/efs/privateKey.pem", "2048");
    this.names({});
  }

  /** The machine's own configuration, and nobody to ask for names. */
  configure(config: string): void {
    writeFileSync("/etc/amazon/efs/efs-utils.conf", config);
  }

  /** All names that there are, with their addresses. */
  names(addresses: Readonly<Record<string, string>>): void {
    const lines = Object.entries({ localhost: "127.0.0.1", ...addresses });
    for (const [path, content] of [
      ["hosts", lines.map(([name, address]) => `${address} ${name}\n`).join("")],
      ["resolv.conf", "nameserver 127.0.0.1\n"],
    ] as const) {
      // a container's own is a mount that hides the layer
      const file = join(this.folder, path);
      writeFileSync(file, content);
      run("mount", "--bind", file, `/etc/${path}`);
    }
  }

  /** Builds mount.efs and these modules, as their sources are now. */
  async build(...lazy: string[]): Promise<void> {
    const { bundle, entryPoints } = (await import(`${CHECKOUT}scripts/build.mjs`)) as Build;
    const wanted = entryPoints().filter(({ name }) => name === "mount.efs" || lazy.includes(name));
    for (const entry of wanted) {
      const { files, metafile } = await bundle(entry);
      for (const [name, content] of files) writeFileSync(this.program(name), content);
      this.inputs.set(entry.name, Object.keys(metafile.inputs));
    }
    cpSync(join(CHECKOUT, "src/keeper/efs-tunnel-keeper"), this.program("efs-tunnel-keeper"));
    chmodSync(this.program("efs-tunnel-keeper"), 0o755);
  }

  /** A file of the programs' directory. */
  program(name: string): string {
    return join(this.folder, "dist", name);
  }

  /** A file system at an address, by its name. */
  async serve(address: string, name: string): Promise<void> {
    const { key, cert } = this.#authority.server({ host: name });
    const server = createServer({ key, cert, requestCert: true, rejectUnauthorized: false });
    const sockets = new Set<TLSSocket>();
    server.on("tlsClientError", () => {});
    server.on("secureConnection", (socket) => {
      sockets.add(socket.on("error", () => {}));
      answerNull(socket);
      const presented = socket.getPeerX509Certificate();
      if (presented !== undefined) this.#presented.push(presented);
      this.#clients.emit("presented");
    });
    server.listen(NFS_PORT, address);
    await once(server, "listening");
    this.#test.after(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
  }

  /** Calls mount.efs. */
  async mount(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Ended> {
    const child = spawn(process.execPath, [this.program("mount.efs.cjs"), ...args], {
      env: { PATH: "/usr/bin:/bin", HOME, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const ended = once(child, "close");
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    const [status] = (await ended) as [number | null];
    return { status, stdout, stderr };
  }

  /** The certificate of a client, once one has presented such a one. */
  async presented(isWanted: (certificate: X509Certificate) => boolean): Promise<X509Certificate> {
    for (;;) {
      const found = this.#presented.find(isWanted);
      if (found !== undefined) return found;
      await once(this.#clients, "presented", { signal: AbortSignal.timeout(LIMIT_MS) });
    }
  }

  /** A new mount point. */
  mountPoint(name: string): string {
    const path = join(this.folder, "mnt", name);
    if (!existsSync(path)) mkdirSync(path);
    return path;
  }
}

/** Takes down its arguments, its environment, and what anybody can see of other processes but its parent. */
const STUB = `#!/bin/sh
seen=FOLDER/seen/$$
printf '%s\\n' "$@" >$seen.arguments
for process in /proc/[0-9]*; do
  pid=\${process#/proc/}
  cat $process/cmdline 2>/dev/null >$seen.$pid.cmdline
  [ $pid = $PPID ] || cat $process/environ 2>/dev/null >$seen.$pid.environ
done
exit 0
`;
