/** What a machine has for the node plugin of Kubernetes' EFS driver, and the containers that it runs in. */
import { cpSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, must, type Run } from "./command.ts";
import { Container } from "./container.ts";
import type { Guest } from "./guest.ts";
import { CONFIGURATION, LOGS, STATE } from "./product.ts";

/** The volumes of pods; what is mounted there in the plugin's container is mounted on the machine. */
const VOLUMES = "/var/lib/kubelet";
/** Where the configuration directory leads: a directory of the machine, which outlives containers. */
const KEPT_CONFIGURATION = "/var/amazon/efs";

/** Where slots of the gate are, among other things that may be forgotten. */
const REMEMBERED = "/run/amazon-efs-mount-helper";

const GATE = join(process.env.REPOSITORY ?? "", "packaging/container/mount.efs");

/** The driver starts the watchdog again whenever it ends. */
const DRIVER = "while :; do amazon-efs-mount-watchdog; done";

interface PluginOptions {
  readonly group?: string;
  readonly gated?: boolean;
}

export class NodePlugin {
  readonly #guest: Guest;
  readonly #group: string | undefined;

  private constructor(guest: Guest, group: string | undefined) {
    this.#guest = guest;
    this.#group = group;
  }

  /**
   * @param group the control group that limits its containers
   * @param gated whether few mounts are made at a time, as in our image
   */
  static async prepare(guest: Guest, { group, gated = false }: PluginOptions = {}): Promise<NodePlugin> {
    mkdirSync(VOLUMES, { recursive: true });
    await guest.ok("mount", ["--bind", "--make-shared", VOLUMES, VOLUMES]);
    guest.onEnd(() => must("umount", ["-R", VOLUMES]));
    for (const path of [STATE, REMEMBERED]) mkdirSync(path, { recursive: true });
    guest.product.configure({
      region: "us-east-1",
      port_range_upper_bound: "21049",
      stunnel_check_cert_validity: "false",
    });
    guest.onEnd(linkConfiguration());
    if (gated) guest.replaceProgram("/sbin/mount.efs", readFileSync(GATE, "utf8"));
    return new NodePlugin(guest, group);
  }

  /** Starts its container; `before` is what its main process does before the watchdog's first start. */
  start(before = ":"): Container {
    const options = { writable: [STATE, LOGS, KEPT_CONFIGURATION, REMEMBERED], main: `${before}; ${DRIVER}` };
    return Container.start(
      this.#guest,
      this.#group === undefined ? options : { ...options, group: this.#group },
    );
  }

  volume(name: string): string {
    return join(VOLUMES, "pods", name, "mount");
  }

  async mount(
    container: Container,
    device: string,
    path: string,
    options = "tls",
    timeoutMs = 60_000,
  ): Promise<Run> {
    mkdirSync(path, { recursive: true });
    const command = ["mount", "-t", "efs", "-o", options, device, path];
    const group = this.#group === undefined ? {} : { group: this.#group };
    const done = await container.run(command, { timeoutMs, ...group });
    if (done.status !== 0) throw new Error(describe(done));
    return done;
  }
}

/** Makes the configuration directory a link; answers how to undo it. */
function linkConfiguration(): () => void {
  mkdirSync(dirname(KEPT_CONFIGURATION), { recursive: true });
  const move = (from: string, to: string) => {
    mkdirSync(to, { recursive: true });
    for (const name of readdirSync(from))
      cpSync(join(from, name), join(to, name), { preserveTimestamps: true });
    rmSync(from, { recursive: true });
  };
  move(CONFIGURATION, KEPT_CONFIGURATION);
  symlinkSync(KEPT_CONFIGURATION, CONFIGURATION);
  return () => {
    if (lstatSync(CONFIGURATION).isSymbolicLink()) rmSync(CONFIGURATION);
    move(KEPT_CONFIGURATION, CONFIGURATION);
  };
}
