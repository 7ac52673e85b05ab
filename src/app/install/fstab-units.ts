import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { EfsError } from "../../core/errors.ts";
import { linesWithoutNetwork } from "../../core/fstab.ts";
import { run } from "../../system/process.ts";

export interface FstabUnits {
  readonly fstab: string;
  /** systemd's own generator: the first of these that is there. */
  readonly generators: readonly string[];
  /** Where the units of the machine's administrator are, which go before those of any generator. */
  readonly administrators: readonly string[];
  /** Where units are written that go before those of systemd's own generator (systemd.generator(7)). */
  readonly directory: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** A generator takes milliseconds, and the boot waits for it. */
const GENERATOR_LIMIT_MS = 20_000;
const KINDS_OF_UNITS = [".mount", ".automount"];
/** What systemd's generator has wait for what it takes for a local file system. */
const LOCAL_DEPENDENCIES = ["local-fs.target.requires", "local-fs.target.wants"];

/**
 * Writes the units that systemd would have written for lines of EFS in fstab, had they `_netdev` among their
 * options. systemd's own generator makes them, from a file with these lines alone: what fstab lines may say to
 * systemd has one meaning.
 *
 * @returns the names of the units
 * @throws EfsError (system) where systemd's generator cannot be run so; nothing is written then
 */
export async function writeFstabUnits(places: FstabUnits): Promise<string[]> {
  const { fstab, directory } = places;
  // bytes that are no UTF-8 stay as they are
  const lines = existsSync(fstab) ? linesWithoutNetwork(readFileSync(fstab, "latin1")) : [];
  if (lines.length === 0) return [];
  // a generator may write nowhere else
  const workplace = mkdtempSync(join(directory, ".amazon-efs-"));
  try {
    const lent = join(workplace, "fstab");
    writeFileSync(lent, `${lines.join("\n")}\n`, "latin1");
    const made = join(workplace, "units");
    mkdirSync(made);
    await runGenerator(places, lent, made);
    const units = unitsFrom(lent, made).filter((unit) => !isOverridden(unit, places));
    for (const path of readdirSync(made, { recursive: true, encoding: "utf8" })) {
      if (belongsTo(path, units)) take(join(made, path), join(directory, path), { from: lent, to: fstab });
    }
    for (const unit of units) keepFromLocal(directory, unit);
    return units;
  } finally {
    rmSync(workplace, { recursive: true, force: true });
  }
}

async function runGenerator(
  { generators, environment }: FstabUnits,
  fstab: string,
  target: string,
): Promise<void> {
  const generator = generators.find((path) => existsSync(path));
  if (generator === undefined) {
    throw new EfsError("system", `systemd's own generator is not there: ${generators.join(", ")}`, HINT);
  }
  const known = Object.entries(environment).filter(
    (entry): entry is [string, string] => entry[0].startsWith("SYSTEMD_") && entry[1] !== undefined,
  );
  // it writes what it can, whatever its status
  await run(generator, [target, target, target], {
    timeoutMs: GENERATOR_LIMIT_MS,
    environment: { ...Object.fromEntries(known), SYSTEMD_FSTAB: fstab },
  });
}

const HINT = { hint: "write _netdev among the options of EFS in /etc/fstab" };

/** The mount units that were made from this fstab. */
function unitsFrom(fstab: string, directory: string): string[] {
  const units = readdirSync(directory).filter((name) => KINDS_OF_UNITS.some((kind) => name.endsWith(kind)));
  const [foreign] = units.filter(
    (name) => !readFileSync(join(directory, name), "latin1").includes(sourceLine(fstab)),
  );
  if (foreign === undefined) return units;
  throw new EfsError(
    "system",
    `this systemd's generator does not heed SYSTEMD_FSTAB: ${foreign} is not of it`,
    HINT,
  );
}

function sourceLine(fstab: string): string {
  return `SourcePath=${fstab}\n`;
}

function isOverridden(unit: string, { administrators }: FstabUnits): boolean {
  return administrators.some((directory) => existsSync(join(directory, unit)));
}

/** Whether a file or link is a unit, is about it (`UNIT.d/...`), or makes others depend on it. */
function belongsTo(path: string, units: readonly string[]): boolean {
  return path.split("/").some((part) => units.some((unit) => part === unit || part.startsWith(`${unit}.`)));
}

function take(made: string, place: string, source: { from: string; to: string }): void {
  const stats = lstatSync(made);
  if (stats.isDirectory()) return;
  mkdirSync(dirname(place), { recursive: true });
  if (stats.isSymbolicLink()) {
    const target = readlinkSync(made);
    replaceLink(target.startsWith(dirname(source.from)) ? `../${basename(target)}` : target, place);
  } else {
    const text = readFileSync(made, "latin1").replace(sourceLine(source.from), sourceLine(source.to));
    writeFileSync(place, text, "latin1");
  }
}

/** systemd's own generator has local-fs.target need the unit; what leads nowhere in our place takes that back. */
function keepFromLocal(directory: string, unit: string): void {
  for (const dependencies of LOCAL_DEPENDENCIES) {
    mkdirSync(join(directory, dependencies), { recursive: true });
    replaceLink("/dev/null", join(directory, dependencies, unit));
  }
}

function replaceLink(target: string, place: string): void {
  rmSync(place, { force: true });
  symlinkSync(target, place);
}
