import { EfsError } from "../errors.ts";
import { printable, quoted } from "../text.ts";
import { type IniText, place, readSections } from "./ini-text.ts";
import { IGNORED_KEYS, KEYS, type KeyId, keyName, SECTIONS, type Settings } from "./keys.ts";

/**
 * An efs-utils.conf as read: texts by section and key, not yet typed. `warnings` names what is not known
 * but does no harm.
 */
export interface ConfigFile {
  readonly path: string;
  readonly sections: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** The line that counts of each section and key, by `place`. */
  readonly lines: IniText["lines"];
  readonly unknown: readonly UnknownName[];
  readonly warnings: readonly string[];
}

/** A section or key that is not known, and so has no effect. */
export interface UnknownName {
  readonly section: string;
  /** Undefined where the section itself is not known. */
  readonly key: string | undefined;
  /** From 1. */
  readonly line: number;
}

const REGION_SECTION = /^mount\.[a-z0-9-]+$/;

/**
 * Reads an efs-utils.conf.
 *
 * @throws EfsError (config) for a line that is neither a section, a comment nor a key with a value.
 */
export function parseConfig(text: string, path: string): ConfigFile {
  const { sections, lines, strays, strangeKeys } = readSections(text, (number, line, why) => {
    throw new EfsError("config", `${path} line ${number}: ${quoted(line)} ${why}`, {
      hint: "correct or remove the line",
    });
  });
  if (strays[0] !== undefined) {
    throw new EfsError("config", `${path}: key ${quoted(strays[0])} stands before the first [section]`, {
      hint: "put it below [mount] or the section it belongs to",
    });
  }
  const unknown: UnknownName[] = [...strangeKeys, ...unknownNames(sections, lines)];
  unknown.sort((one, other) => one.line - other.line);
  const warnings = unknown.map((name) => `${path} line ${name.line}: ${describeUnknown(name)}`);
  return { path, sections, lines, unknown, warnings };
}

/** A file that says nothing: every key has its default. */
export function emptyConfig(path: string): ConfigFile {
  return { path, sections: new Map(), lines: new Map(), unknown: [], warnings: [] };
}

function unknownNames(sections: ConfigFile["sections"], lines: ConfigFile["lines"]): UnknownName[] {
  return [...sections].flatMap(([section, keys]): UnknownName[] => {
    const known = REGION_SECTION.test(section) ? "mount" : SECTIONS.find((name) => name === section);
    if (known === undefined) return [{ section, key: undefined, line: lines.get(place(section)) ?? 0 }];
    return [...keys.keys()]
      .filter((key) => !keysOf(section).includes(key) && !IGNORED_KEYS[known]?.includes(key))
      .map((key) => ({ section, key, line: lines.get(place(section, key)) ?? 0 }));
  });
}

/** What can stand in a section, as it is written. */
export function keysOf(section: string): string[] {
  const known = REGION_SECTION.test(section) ? "mount" : section;
  return (Object.keys(KEYS) as KeyId[])
    .filter((id) => known === "DEFAULT" || KEYS[id].section === known)
    .map(keyName);
}

/** What is said of an unknown name. */
export function describeUnknown({ section, key }: UnknownName): string {
  const what =
    key === undefined
      ? `section [${printable(section)}]`
      : `key ${printable(key)} in [${printable(section)}]`;
  return `${what} is not known and has no effect`;
}

/** Where a key's value comes from: the region's own section, the key's, or [DEFAULT]. Empty is as good as missing. */
function lookUp(file: ConfigFile, id: KeyId, region: string | undefined) {
  const { section } = KEYS[id];
  const candidates = [
    ...(section === "mount" && region !== undefined ? [`mount.${region}`] : []),
    section,
    "DEFAULT",
  ];
  for (const name of candidates) {
    const value = file.sections.get(name)?.get(keyName(id));
    if (value !== undefined && value !== "") return { section: name, value };
  }
  return undefined;
}

/**
 * The typed values in force, with the section of `region` laid over [mount].
 *
 * @throws EfsError (config) for a value of the wrong type, naming file, section, key and value.
 */
export function settings(file: ConfigFile, region?: string): Settings {
  const values: Partial<Record<KeyId, unknown>> = {};
  for (const id of Object.keys(KEYS) as KeyId[]) {
    const found = lookUp(file, id, region);
    const { type, fallback } = KEYS[id];
    if (found === undefined) {
      values[id] = fallback;
      continue;
    }
    const value = type.read(found.value);
    if (value === undefined) {
      const line = file.lines.get(place(found.section, keyName(id)));
      throw new EfsError(
        "config",
        `${file.path}${line === undefined ? "" : ` line ${line}`}: [${found.section}] ${keyName(id)} = ${quoted(found.value)} is not valid`,
        { hint: `it must be ${type.expected}` },
      );
    }
    values[id] = value;
  }
  return values as Settings;
}

/** Whether the file itself sets the key, so that existing deployments' explicit choices can be told from defaults. */
export function isSet(file: ConfigFile, id: KeyId): boolean {
  return lookUp(file, id, undefined) !== undefined;
}
