/** What EFS has in front of its NFS servers: a real TLS server, here stunnel's. */
import { openSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventually, Service } from "../runner/command.ts";
import { listeners } from "../runner/proc.ts";
import type { FileSystem } from "./file-system.ts";
import type { CertificateKind, Pki } from "./pki.ts";

export class TlsFront {
  /** Where it listens, on port 2049. */
  readonly address: string;
  readonly #fileSystem: FileSystem;
  readonly #pki: Pki;
  readonly #configuration: string;
  readonly #log: string;
  #service: Service | undefined;
  #certificate: CertificateKind | undefined;
  #logStart = 0;

  constructor(fileSystem: FileSystem, index: number, pki: Pki, directory: string) {
    this.address = `127.0.2.${index}`;
    this.#fileSystem = fileSystem;
    this.#pki = pki;
    this.#configuration = join(directory, `${fileSystem.id}.stunnel.conf`);
    this.#log = join(directory, `${fileSystem.id}.stunnel.log`);
  }

  get running(): boolean {
    return this.#service?.running ?? false;
  }

  /** Starts it with that certificate, or anew where it runs with another. */
  async present(kind: CertificateKind): Promise<void> {
    if (this.running && this.#certificate === kind) return;
    await this.stop();
    const { certificate, key } = this.#pki.server(kind);
    const lines = ["foreground = quiet", "debug = info", "syslog = no", "pid =", `output = ${this.#log}`];
    lines.push("[efs]", `accept = ${this.address}:2049`, `connect = ${this.#fileSystem.address}:2049`);
    lines.push(`cert = ${certificate}`, `key = ${key}`, "TIMEOUTidle = 86400", "");
    writeFileSync(this.#configuration, lines.join("\n"));
    this.#certificate = kind;
    // Not the name that the product looks for: the tests may put another program there.
    this.#service = new Service(
      "/usr/bin/stunnel4",
      [this.#configuration],
      openSync(`${this.#log}.err`, "a"),
    );
    await eventually(`the TLS front of ${this.#fileSystem.id} listens`, () =>
      listeners().some((listener) => listener.address === this.address && listener.port === 2049),
    );
  }

  async stop(): Promise<void> {
    await this.#service?.stop();
    this.#service = undefined;
  }

  /** From here on, `log` tells what is new. */
  startLog(): void {
    this.#logStart = statSync(this.#log, { throwIfNoEntry: false })?.size ?? 0;
  }

  get log(): string {
    return readFileSync(this.#log).subarray(this.#logStart).toString("utf8");
  }

  /** How many connections it has accepted; a stunnel tells of other things too, at any time. */
  get connections(): number {
    return this.log.match(/accepted connection from/g)?.length ?? 0;
  }

  /** The protocol version of each TLS session, e.g. `TLSv1.2`. */
  get tlsVersions(): string[] {
    return [...this.log.matchAll(/: (TLSv[\d.]+) ciphersuite:/g)].map((match) => match[1] ?? "");
  }
}
