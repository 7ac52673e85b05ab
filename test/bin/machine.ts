import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { buildCheckout, temporaryDirectory } from "../support/built.ts";

/** Why a copy of the machine cannot be made, for tests to be skipped with; false where it can. */
export const NO_MACHINE = process.getuid?.() !== 0 && "only root can make a copy of the machine";

const LIMIT_MS = 60_000;

/** A copy of / that is forgotten at its end, with a checkout of ours at /mnt/checkout. */
const ENTER = `
set -eu
mount -t tmpfs machine "$1/layer"
mkdir "$1/layer/upper" "$1/layer/work" "$1/layer/root"
mount -t overlay machine -o "lowerdir=/,upperdir=$1/layer/upper,workdir=$1/layer/work" "$1/layer/root"
cd "$1/layer/root"
mount -t proc proc proc
mount --rbind /dev dev
rm -rf run/systemd run/efs etc/amazon var/log/amazon usr/lib/amazon-efs-mount-helper
rm -f sbin/mount.efs usr/bin/efs-utils usr/bin/amazon-efs-mount-watchdog
mkdir -p run mnt/checkout
mount --bind "$1/checkout" mnt/checkout
exec env -i PATH=/usr/bin:/bin /usr/sbin/chroot . /bin/sh -c "cd /; set -u; $2"
`;

/** Copies of this machine to install on: see `run`. */
export class Machine {
  readonly #place = temporaryDirectory();

  constructor() {
    const checkout = join(this.#place.path, "checkout");
    mkdirSync(join(this.#place.path, "layer"));
    mkdirSync(checkout);
    buildCheckout(checkout);
  }

  /**
   * Runs a shell script on a fresh copy of the machine, in namespaces of its own: nothing of what it does
   * stays. `$node` is this very node, and efs-utils of the checkout runs with it.
   */
  run(script: string) {
    const names = ["--mount", "--pid", "--net", "--uts", "--ipc", "--fork", "--kill-child"];
    const prepared = `node=${process.execPath}; efs_utils="$node /mnt/checkout/bin/efs-utils"\n${script}`;
    const { status, stdout, stderr, error } = spawnSync(
      "unshare",
      [...names, "/bin/sh", "-c", ENTER, "sh", this.#place.path, prepared],
      { encoding: "utf8", timeout: LIMIT_MS },
    );
    if (error !== undefined) throw error;
    return { status, stdout, stderr };
  }

  remove(): void {
    this.#place.remove();
  }
}
