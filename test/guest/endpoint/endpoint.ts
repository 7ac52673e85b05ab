/**
 * The EFS of the guest: two file systems (NFS servers), a TLS front for each, the OCSP responder of their
 * certificates, their names in /etc/hosts, and the instance's metadata service.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { must } from "../runner/command.ts";
import { FileSystem } from "./file-system.ts";
import { MetadataService } from "./metadata.ts";
import { OcspResponder } from "./ocsp.ts";
import { Pki } from "./pki.ts";
import { TlsFront } from "./tls-front.ts";

const DIRECTORY = "/run/endpoint";

export interface EfsFileSystem {
  id: string;
  name: string;
  server: FileSystem;
  front: TlsFront;
}

export class Endpoint {
  readonly pki = new Pki(join(DIRECTORY, "pki"));
  readonly ocsp = new OcspResponder(this.pki, join(DIRECTORY, "ocsp.log"));
  readonly metadata = new MetadataService();
  readonly first = this.#fileSystem("fs-12345678", 1);
  readonly second = this.#fileSystem("fs-87654321", 2);
  #programs = "";

  #fileSystem(id: string, index: number): EfsFileSystem {
    const server = new FileSystem(id, index, DIRECTORY);
    const front = new TlsFront(server, index, this.pki, DIRECTORY);
    return { id, name: `${id}.efs.us-east-1.amazonaws.com`, server, front };
  }

  async start(nfsServer: string): Promise<void> {
    mkdirSync(DIRECTORY, { recursive: true });
    for (const module of ["veth", "nfsd", "nfsv4"]) await must("modprobe", [module]);
    this.#programs = join(nfsServer, "usr/sbin");
    await Promise.all([
      this.pki.create(),
      this.metadata.start(),
      this.first.server.start(this.#programs),
      this.second.server.start(this.#programs),
    ]);
    await this.reset();
  }

  /** A further file system, whose name is not resolved yet. */
  async further(index: number): Promise<EfsFileSystem> {
    const target = this.#fileSystem(`fs-${String(index).padStart(8, "0")}`, index);
    await target.server.start(this.#programs);
    await target.front.present("good");
    return target;
  }

  /** Everything as a scenario finds it: proper servers, empty file systems. */
  async reset(): Promise<void> {
    this.resolve({
      [this.first.name]: this.first.front.address,
      [this.second.name]: this.second.front.address,
    });
    this.metadata.requests.length = 0;
    this.metadata.role = undefined;
    await Promise.all([this.ocsp.become("good"), this.#resetOne(this.first), this.#resetOne(this.second)]);
  }

  async #resetOne({ server, front }: EfsFileSystem): Promise<void> {
    await server.wipe();
    await front.present("good");
    front.startLog();
  }

  /** What the names of the file systems resolve to. */
  resolve(names: Record<string, string>): void {
    const lines = Object.entries(names).map(([name, address]) => `${address} ${name}\n`);
    writeFileSync("/etc/hosts", `127.0.0.1 localhost guest\n${lines.join("")}`);
  }
}
