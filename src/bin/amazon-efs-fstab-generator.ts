import { writeFstabUnits } from "../app/install/fstab-units.ts";
import { asEfsError, oneLine } from "../core/errors.ts";

/** The directories that systemd has generators in, by the name of its own for fstab. */
const GENERATORS = ["/usr/lib/systemd", "/lib/systemd"].map(
  (directory) => `${directory}/system-generators/systemd-fstab-generator`,
);
const ADMINISTRATORS = ["/etc/systemd/system", "/run/systemd/system"];

/**
 * `amazon-efs-fstab-generator NORMAL EARLY LATE`, run by systemd when it starts and when it reloads
 * (systemd.generator(7)): lines of EFS in /etc/fstab without `_netdev` are mounted as if they had it. Whatever
 * fails here fails without consequences: then such lines are what systemd makes of them.
 */
async function main([normal, early = normal]: readonly string[]): Promise<number> {
  if (early === undefined) {
    process.stderr.write("usage: amazon-efs-fstab-generator NORMAL EARLY LATE (systemd runs it)\n");
    return 1;
  }
  await writeFstabUnits({
    fstab: "/etc/fstab",
    generators: GENERATORS,
    administrators: ADMINISTRATORS,
    directory: early,
    environment: process.env,
  });
  return 0;
}

main(process.argv.slice(2))
  .catch((error: unknown) => {
    process.stderr.write(`amazon-efs-fstab-generator: ${oneLine(asEfsError(error))}\n`);
    return 1;
  })
  .then((status) => process.exit(status));
