import { type ConfigFile, describeUnknown, keysOf } from "../config/config.ts";
import { SECTIONS } from "../config/keys.ts";
import { type Finding, warning } from "./checks.ts";
import { nearest } from "./nearest.ts";

/** What stands in a configuration file without effect, with what was likely meant. */
export function unknownNames({ unknown }: ConfigFile): Finding[] {
  return unknown.map((name) => {
    const { section, key, line } = name;
    const meant = key === undefined ? nearest(section, SECTIONS) : nearest(key, keysOf(section));
    const elsewhere = SECTIONS.find(
      (other) => other !== "DEFAULT" && key !== undefined && keysOf(other).includes(key),
    );
    const remedy =
      elsewhere !== undefined
        ? `move it to [${elsewhere}]`
        : meant !== undefined
          ? `did you mean ${meant}?`
          : "correct or remove it; efs-utils.conf(5) has all keys";
    return warning(`line ${line}: ${describeUnknown(name)}`, remedy);
  });
}
