/**
 * One EFS file system: a real kernel NFS 4.1 server in a network namespace of its own. A second server in
 * the same namespace would present itself to the client as the same server on another address, and the
 * client would send the traffic of both mounts through one connection ("trunking"). So each has its own
 * namespace, host name (the server's identity and scope) and mountd.
 */
import { chownSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { eventually, must, Service } from "../runner/command.ts";

const SERVED = ["-N", "3", "-V", "4.1", "-U", "-p", "2049"];
const THREADS = "2";

const START = `
set -e
id=$1 address=$2 directory=$3 programs=$4 clients=$5
hostname "$id"
mount -t nfsd nfsd /proc/fs/nfsd
mount -t tmpfs tmpfs /var/lib/nfs
mkdir -p /var/lib/nfs/nfsdcld /run/rpc_pipefs
mount -t rpc_pipefs rpc_pipefs /run/rpc_pipefs
: > /var/lib/nfs/etab
: > /var/lib/nfs/rmtab
# It knows that there are no clients from before: so there is no grace period in which they have to wait. nfs-utils 1
# has none.
[ ! -e "$programs/nfsdcld" ] || "$programs/nfsdcld" -p /run/rpc_pipefs
# Without it the block size follows the guest's small memory and rsize is cut down.
echo 1048576 > /proc/fs/nfsd/max_block_size
# EFS delegates no files to clients.
echo 0 > /proc/sys/fs/leases-enable
echo 10 > /proc/fs/nfsd/nfsv4leasetime
echo 10 > /proc/fs/nfsd/nfsv4gracetime
"$programs/exportfs" -i -o rw,fsid=0,insecure,no_root_squash,no_subtree_check,async "$clients:$directory"
"$programs/rpc.nfsd" ${SERVED.join(" ")} -H "$address" ${THREADS}
until grep -q Y /proc/fs/nfsd/v4_end_grace; do sleep 0.2; done
echo "the NFS server of $id is up"
exec "$programs/rpc.mountd" -F -N 2 -N 3
`;

/** Addresses in the upper half of the network, to which nothing is exported unless it is said. */
const [FIRST_ACCESS_POINT, STRANGER] = [130, 200];

/** What clients of one address see instead of the whole file system. */
export interface AccessPoint {
  /** Their root, from the file system's own. */
  path: string;
  /** Whom all files that they make belong to. */
  uid: number;
  gid: number;
}

export class FileSystem {
  readonly id: string;
  /** Where its NFS server listens, without TLS. */
  readonly address: string;
  /** An address of this machine to which it exports nothing: who connects from there is refused. */
  readonly stranger: string;
  /** Its files as the server sees them. */
  readonly directory: string;
  readonly #gateway: string;
  readonly #network: string;
  readonly #link: string;
  readonly #log: string;
  #server: Service | undefined;
  #programs = "";
  #accessPoints = 0;

  constructor(id: string, index: number, logs: string) {
    this.id = id;
    this.#network = `10.99.${index}`;
    this.address = `${this.#network}.2`;
    this.#gateway = `${this.#network}.1`;
    this.stranger = `${this.#network}.${STRANGER}`;
    this.#link = `efs${index}`;
    this.directory = join("/srv/efs", id);
    this.#log = join(logs, `${id}.nfsd.log`);
  }

  async start(programs: string): Promise<void> {
    mkdirSync(this.directory, { recursive: true });
    this.#programs = programs;
    const { id, address, directory } = this;
    const link = this.#link;
    await must("mount", ["-t", "tmpfs", "-o", "size=200m,mode=0777", "tmpfs", directory]);
    await must("ip", ["netns", "add", id]);
    await must("ip", ["link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", id]);
    for (const own of [this.#gateway, this.stranger])
      await must("ip", ["addr", "add", `${own}/24`, "dev", link]);
    await must("ip", ["link", "set", link, "up"]);
    await must("ip", ["-n", id, "addr", "add", `${address}/24`, "dev", "eth0"]);
    await must("ip", ["-n", id, "link", "set", "eth0", "up"]);
    await must("ip", ["-n", id, "link", "set", "lo", "up"]);
    const namespaces = ["netns", "exec", id, "unshare", "--mount", "--uts"];
    const script = ["sh", "-c", START, "sh", id, address, directory, programs, this.#clients];
    this.#server = new Service("ip", [...namespaces, ...script], openSync(this.#log, "a"));
    await eventually(
      `the NFS server of ${id} is up: ${this.#log}`,
      () => {
        const log = readFileSync(this.#log, "utf8");
        if (!this.#server?.running) throw new Error(`the NFS server of ${id} did not start:\n${log}`);
        return log.includes("is up");
      },
      120_000,
    );
  }

  /** The lower half of the network, without the stranger. */
  get #clients(): string {
    return `${this.#network}.0/25`;
  }

  /**
   * Exports a part of it as the root to one more address of this machine.
   *
   * @returns the address, and what takes both back
   */
  async addAccessPoint({
    path,
    uid,
    gid,
  }: AccessPoint): Promise<{ source: string; remove(): Promise<void> }> {
    const source = `${this.#network}.${FIRST_ACCESS_POINT + this.#accessPoints}`;
    this.#accessPoints += 1;
    const root = join(this.directory, path);
    mkdirSync(root, { recursive: true });
    chownSync(root, uid, gid);
    const address = [`${source}/24`, "dev", this.#link];
    await must("ip", ["addr", "add", ...address]);
    const owner = `all_squash,anonuid=${uid},anongid=${gid}`;
    await this.#exportfs(
      "-i",
      "-o",
      `rw,fsid=0,insecure,${owner},no_subtree_check,async`,
      `${source}:${root}`,
    );
    const remove = async () => {
      await this.#exportfs("-u", `${source}:${root}`);
      await must("ip", ["addr", "del", ...address]);
    };
    return { source, remove };
  }

  /** In the server's namespaces. */
  async #exportfs(...args: string[]): Promise<void> {
    await this.#inside([join(this.#programs, "exportfs"), ...args]);
  }

  /** Ends it and takes it away. */
  async remove(): Promise<void> {
    await this.#end();
    const pids = (await must("ip", ["netns", "pids", this.id])).split("\n").filter((pid) => pid !== "");
    for (const pid of pids) process.kill(Number(pid), "SIGKILL");
    await this.#server?.stop();
    await must("ip", ["netns", "del", this.id]);
    await must("umount", ["--lazy", this.directory]);
  }

  /** Ends the NFS server and starts it again: its clients have to claim again what they have open. */
  async restart(downMs: number): Promise<void> {
    await this.#end();
    await sleep(downMs);
    await this.#inside([join(this.#programs, "rpc.nfsd"), ...SERVED, "-H", this.address, THREADS]);
  }

  async #end(): Promise<void> {
    await this.#inside(["sh", "-c", "echo 0 > /proc/fs/nfsd/threads"]);
  }

  async #inside(command: string[]): Promise<void> {
    const namespaces = ["--target", String(this.#server?.pid), "--mount", "--net", "--uts", "--root"];
    await must("nsenter", [...namespaces, ...command]);
  }

  async addAddress(address: string): Promise<void> {
    await must("ip", ["-n", this.id, "addr", "add", `${address}/24`, "dev", "eth0"]);
  }

  async removeAddress(address: string): Promise<void> {
    await must("ip", ["-n", this.id, "addr", "del", `${address}/24`, "dev", "eth0"]);
  }

  /** Cuts the network between it and everybody else, or joins it again. */
  async network(state: "up" | "down"): Promise<void> {
    await must("ip", ["-n", this.id, "link", "set", "eth0", state]);
  }

  /** Removes all files, on the server's side. */
  async wipe(): Promise<void> {
    await must("find", [this.directory, "-mindepth", "1", "-delete"]);
  }
}
