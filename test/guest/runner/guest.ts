/** What a scenario works with. */
import { chmodSync, lstatSync, renameSync, rmSync, writeFileSync } from "node:fs";
import type { Endpoint } from "../endpoint/endpoint.ts";
import { describe, eventually, type Run, type RunOptions, run, Service } from "./command.ts";
import { listeners, mountTable, type Process, processes, uptime } from "./proc.ts";
import { Product } from "./product.ts";
import { Writer } from "./writer.ts";

export class Guest {
  readonly endpoint: Endpoint;
  readonly product: Product;
  readonly figures: string[] = [];
  readonly #lines: string[] = [];
  readonly #cleanups: (() => unknown)[] = [];
  readonly #begin = uptime();
  #over = false;

  constructor(endpoint: Endpoint) {
    this.endpoint = endpoint;
    this.product = new Product(this);
  }

  /** A line for the scenario's log, which is shown when the scenario fails. */
  log(text: string): void {
    this.#lines.push(`[${(uptime() - this.#begin).toFixed(2).padStart(6)}] ${text}`);
  }

  /** A measured figure, which is always shown. */
  figure(text: string): void {
    this.figures.push(text);
    this.log(text);
  }

  get logText(): string {
    return this.#lines.join("\n");
  }

  /** Called when the scenario is over, last registered first; `run` and its like do nothing any more then. */
  onEnd(action: () => unknown): void {
    this.#cleanups.push(action);
  }

  async end(): Promise<void> {
    this.#over = true;
    for (const action of this.#cleanups.reverse()) {
      try {
        await action();
      } catch (error) {
        this.log(`clean-up: ${error}`);
      }
    }
  }

  /** Runs a command, whatever its status. */
  async run(program: string, args: string[] = [], options: RunOptions = {}): Promise<Run> {
    if (this.#over) throw new Error("the scenario is over");
    const done = await run(program, args, options);
    this.log(describe(done));
    return done;
  }

  /** Runs a command that has to succeed; answers its output. */
  async ok(program: string, args: string[] = [], options: RunOptions = {}): Promise<string> {
    const done = await this.run(program, args, options);
    if (done.status !== 0) throw new Error(describe(done));
    return done.stdout;
  }

  /** The same for a line of shell; `$1` and so on are the arguments. */
  async shell(script: string, args: string[] = [], options: RunOptions = {}): Promise<string> {
    return this.ok("/bin/sh", ["-c", script, "sh", ...args], options);
  }

  async eventually<T>(what: string, predicate: () => T | Promise<T>, limitMs?: number) {
    const begin = performance.now();
    const value = await eventually(what, () => this.#unlessOver(predicate), limitMs);
    this.log(`${what}: after ${((performance.now() - begin) / 1000).toFixed(2)} s`);
    return value;
  }

  #unlessOver<T>(predicate: () => T): T {
    if (this.#over) throw new Error("the scenario is over");
    return predicate();
  }

  /** Starts a process that runs until the scenario ends; its output goes to the path. */
  service(program: string, args: string[], output: number | "ignore" = "ignore"): Service {
    const service = new Service(program, args, output);
    this.onEnd(() => service.stop());
    this.log(`started ${[program, ...args].join(" ")} as ${service.pid}`);
    return service;
  }

  /** Starts a process that writes to a file in a loop. */
  writer(path: string): Writer {
    const writer = new Writer(path);
    this.onEnd(() => writer.kill());
    return writer;
  }

  /** Puts a program in the place of another until the scenario ends, or the answer is called. */
  replaceProgram(path: string, script: string): () => void {
    const aside = `${path}.aside`;
    const there = lstatSync(path, { throwIfNoEntry: false }) !== undefined;
    if (there) renameSync(path, aside);
    let replaced = true;
    const restore = () => {
      if (replaced) there ? renameSync(aside, path) : rmSync(path, { force: true });
      replaced = false;
    };
    this.onEnd(restore);
    writeFileSync(path, script);
    chmodSync(path, 0o755);
    return restore;
  }

  processes(matching: (process: Process) => boolean = () => true): Process[] {
    return processes().filter(matching);
  }

  /** Ports with a TCP listener. */
  listeningPorts(): number[] {
    return listeners().map((listener) => listener.port);
  }

  mountTable() {
    return mountTable();
  }

  nfsMounts() {
    return mountTable().filter((mount) => mount.type.startsWith("nfs4"));
  }

  mountAt(path: string) {
    const found = this.nfsMounts().filter((mount) => mount.path === path);
    const [mount] = found;
    if (mount === undefined || found.length > 1)
      throw new Error(`${found.length} NFS mounts at ${path}:\n${this.nfsMounts().map((each) => each.line)}`);
    return mount;
  }

  // Files are read and written by child processes with a time limit.

  async sha256(path: string): Promise<string> {
    return (await this.ok("sha256sum", [path])).slice(0, 64);
  }

  async write(path: string, text: string): Promise<void> {
    await this.ok("/bin/sh", ["-c", 'cat > "$1"', "sh", path], { input: text });
  }

  async read(path: string): Promise<string> {
    return this.ok("cat", [path]);
  }

  async umount(path: string): Promise<void> {
    await this.ok("umount", [path], { timeoutMs: 20_000 });
  }
}
