/** One tunnel of the product: what runs for it, its files, and what can be done to it. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Guest } from "./guest.ts";
import { portOf } from "./mounting.ts";
import type { Process } from "./proc.ts";
import { STATE } from "./product.ts";

type Role = "stunnel" | "keeper";

export class Tunnel {
  readonly port: number;
  readonly stateFile: string;
  readonly configuration: string;
  readonly directory: string;
  readonly #guest: Guest;

  /** The tunnel on a port that is recorded in the state directory. */
  constructor(guest: Guest, port: number) {
    this.#guest = guest;
    this.port = port;
    const base = readdirSync(STATE).find((name) => new RegExp(`^fs-[^+]*\\.${port}$`).test(name));
    if (base === undefined) throw new Error(`no state file of port ${port} in ${readdirSync(STATE)}`);
    this.stateFile = join(STATE, base);
    this.configuration = join(STATE, `stunnel-config.${base}`);
    this.directory = join(STATE, `${base}+`);
  }

  /** The tunnel of the mount at a place. */
  static of(guest: Guest, path?: string): Tunnel {
    return new Tunnel(guest, portOf(guest, path));
  }

  /** What runs for it in a role; undefined where nothing does. */
  running(role: Role, among = this.#guest.processes()): Process | undefined {
    const name = role === "keeper" ? /(^|\/)efs-tunnel-keeper$/ : /(^|\/)stunnel\d?$/;
    const configuration = new RegExp(`/stunnel-config\\.[^/]*\\.${this.port}$`);
    return among.find(
      ({ argv }) =>
        argv.slice(0, 2).some((word) => name.test(word)) && argv.some((word) => configuration.test(word)),
    );
  }

  pid(role: Role): number {
    const process = this.running(role);
    if (process === undefined) throw new Error(`no ${role} runs on port ${this.port}`);
    return process.pid;
  }

  /** Whether a process runs for it in a role, and another one than this. */
  hasAnother(role: Role, than: number): boolean {
    return ![than, undefined].includes(this.running(role)?.pid);
  }

  isComplete(among = this.#guest.processes()): boolean {
    return this.running("stunnel", among) !== undefined && this.running("keeper", among) !== undefined;
  }

  signal(name: NodeJS.Signals, ...roles: Role[]): void {
    const pids = roles.map((role) => this.pid(role));
    for (const pid of pids) process.kill(pid, name);
    this.#guest.log(`port ${this.port}: ${name} to ${pids.join(" and ")}`);
  }

  /** Kills in this order, and waits until others run. */
  async lose(...roles: Role[]): Promise<void> {
    await this.replaced(roles, () => this.signal("SIGKILL", ...roles));
  }

  /** Ends what runs in these roles in a way of its own, and waits until others run. */
  async replaced(roles: Role[], end: () => void): Promise<void> {
    const before = roles.map((role) => ({ role, pid: this.pid(role) }));
    end();
    const areOthers = () => before.every(({ role, pid }) => this.hasAnother(role, pid));
    await this.#guest.eventually(`port ${this.port}: another ${roles.join(" and ")}`, areOthers, 20_000);
  }
}
