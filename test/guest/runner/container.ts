/** The container of a Kubernetes node plugin, as far as a kernel makes one. */
import { openSync } from "node:fs";
import type { Run, RunOptions, Service } from "./command.ts";
import type { Guest } from "./guest.ts";

export interface ContainerOptions {
  /** What is written to; everything else is only read. */
  readonly writable: readonly string[];
  /** A line of shell in place of a program of its own: process 1. */
  readonly main: string;
  /** A control group that the container is in. */
  readonly group?: string;
}

/** Where its main process writes to, out here. */
const CONTAINER_OUTPUT = "/run/container.out";

/** Makes all mounts but $WRITABLE and what is shared with the machine read-only, and becomes process 1. */
const SET_UP = `
set -e
mount -t proc proc /proc
for path in $WRITABLE; do mount --bind "$path" "$path"; done
for path in / /run; do mount -o remount,bind,ro "$path"; done
exec /bin/sh -c "$MAIN"`;

/** It has processes and mounts of its own, the machine's network, and a root that is only read. */
export class Container {
  readonly #guest: Guest;
  readonly #service: Service;

  private constructor(guest: Guest, service: Service) {
    this.#guest = guest;
    this.#service = service;
  }

  static start(guest: Guest, { writable, main, group }: ContainerOptions): Container {
    const join = group === undefined ? "" : `echo $$ > ${group}/cgroup.procs; `;
    const unshare = "unshare --pid --mount --fork --kill-child --propagation unchanged";
    const script = `${join}exec ${unshare} env WRITABLE="$1" MAIN="$2" /bin/sh -c "$3"`;
    const args = ["-c", script, "sh", writable.join(" "), main, SET_UP];
    return new Container(guest, guest.service("/bin/sh", args, openSync(CONTAINER_OUTPUT, "w")));
  }

  /** Its process 1, as it is called out here. */
  async main(): Promise<number> {
    const { pid } = this.#service;
    const { pid: main } = await this.#guest.eventually("the container has a process 1", () =>
      this.#guest.processes(({ parent }) => parent === pid).at(0),
    );
    return main;
  }

  /** Runs a program in it. */
  async run(command: readonly string[], options: RunOptions & { group?: string } = {}): Promise<Run> {
    const target = ["--target", String(await this.main()), "--mount", "--pid", "--root", "--wd=/"];
    const { group, ...others } = options;
    if (group === undefined) return this.#guest.run("nsenter", [...target, ...command], others);
    const script = 'echo $$ > "$0"; exec nsenter "$@"';
    return this.#guest.run("/bin/sh", ["-c", script, `${group}/cgroup.procs`, ...target, ...command], others);
  }

  /** Ends it as a kubelet does that has no patience: nothing in it has time for anything. */
  async kill(): Promise<void> {
    const main = await this.main();
    process.kill(main, "SIGKILL");
    await this.#guest.eventually("the container has ended", () => !this.#service.running);
  }
}
