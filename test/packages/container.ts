import { type ChildProcess, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { run } from "../fakes/namespaces.ts";
import { spawnWithTest, type Test } from "../support/authority.ts";
import { type CleanMachine, type Process, processes } from "./clean-machine.ts";
import { IMAGE_PATH, type Image } from "./image.ts";

const LIMIT_MS = 60_000;

/** A container of an image as an engine runs it: its root is only read, its processes are its own. */
export class Container {
  readonly #engine: ChildProcess;
  readonly #ended: Promise<number | null>;

  /**
   * Starts what the image is for.
   *
   * @param machine a system below which the image's root is
   * @param kept a directory that holds the volumes, and outlives the container
   */
  constructor(test: Test, machine: CleanMachine, { volumes, entrypoint }: Image, kept: string) {
    const root = mkdtempSync("/media/container-");
    run("mount", "--bind", machine.root, root);
    test.after(() => run("umount", "--recursive", "--lazy", root));
    run("mount", "--rbind", "/dev", join(root, "dev"));
    for (const volume of volumes) {
      const place = join(root, machine.output("realpath", "--canonicalize-missing", volume).trim());
      for (const folder of [place, join(kept, volume)]) mkdirSync(folder, { recursive: true });
      run("mount", "--bind", join(kept, volume), place);
    }
    run("mount", "-o", "remount,bind,ro", root);
    const namespaces = ["--pid", "--fork", "--kill-child", `--mount-proc=${join(root, "proc")}`];
    const environment = ["env", "--ignore-environment", `PATH=${IMAGE_PATH}`, "HOME=/root"];
    this.#engine = spawnWithTest(test, "unshare", [
      ...namespaces,
      ...environment,
      "chroot",
      root,
      ...entrypoint,
    ]);
    this.#ended = once(this.#engine, "exit").then(([status]) => status);
  }

  /** Its process 1. */
  get main(): Process {
    const [main] = processes().filter(({ parent }) => parent === this.#engine.pid);
    if (main === undefined) throw new Error("the container has ended");
    return main;
  }

  /** Ends it as an engine does that is asked to stop it; the status that it ends with, null where a signal killed it. */
  async stop(): Promise<number | null> {
    process.kill(this.main.pid, "SIGTERM");
    return this.#ended;
  }

  /** Runs a program in it, as `podman exec` does. */
  run(file: string, ...args: string[]) {
    const target = ["--target", String(this.main.pid), "--mount", "--pid", "--root", "--wd"];
    const { status, stdout, stderr, error } = spawnSync("nsenter", [...target, file, ...args], {
      encoding: "utf8",
      env: { PATH: IMAGE_PATH },
      timeout: LIMIT_MS,
    });
    if (error !== undefined) throw error;
    return { status, stdout, stderr };
  }
}

/**
 * A connection of root's to a port that nobody listens on any more: all that the watchdog sees of a mount whose tunnel
 * has ended, where the kernel has no NFS client.
 */
export async function connectedClient(test: Test, port: number): Promise<Socket> {
  const server = createServer((socket) => test.after(() => socket.destroy()));
  await once(server.listen(port, "127.0.0.1"), "listening");
  const client = connect(port, "127.0.0.1");
  test.after(() => client.destroy());
  await Promise.all([once(server, "connection"), once(client, "connect")]);
  server.close();
  return client;
}
