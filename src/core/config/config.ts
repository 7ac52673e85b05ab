import ini from "ini";
import { EfsError } from "../errors.ts";
import { hasControlCharacter, printable, quoted } from "../text.ts";
import { KEYS, type KeyId, keyName, SECTIONS, type Settings } from "./keys.ts";

/**
 * An efs-utils.conf as read: texts by section and key, not yet typed. `warnings` names what is not known
 * but does no harm.
 */
export interface ConfigFile {
  readonly path: string;
  readonly sections: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly warnings: readonly string[];
}

const REGION_SECTION = /^mount\.[a-z0-9-]+$/;

/**
 * Reads the file's dialect, Python's ConfigParser (`key = value` or `key: value`, keys in any case, `#` and
 * `;` comments, any section names), by writing each line as the ini library reads it verbatim.
 *
 * @throws EfsError (config) for a line that is neither a section, a comment nor a key with a value.
 */
export function parseConfig(text: string, path: string): ConfigFile {
  const lines = text.replace(/^\uFEFF/, "").split(/\r\n|\r|\n/);
  const strangeKeys: string[] = [];
  const verbatim = lines.map((line, index) => {
    const wrong = (why: string) =>
      new EfsError("config", `${path} line ${index + 1}: ${quoted(line.trim())} ${why}`, {
        hint: "correct or remove the line",
      });
    const said = line.replace(/(^|\s)[#;].*$/s, "").trim();
    if (said === "") return "";
    if (hasControlCharacter(said.replaceAll("\t", " "))) throw wrong("holds a control character");
    const section = /^\[\s*([^\]]+?)\s*\]$/.exec(said)?.[1];
    if (section !== undefined) return `[${jsonText(section.replaceAll(".", "\\."))}]`;
    const [, key, value] = /^([^=:]+?)\s*[=:]\s*(.*)$/s.exec(said) ?? [];
    if (key === undefined || value === undefined) throw wrong("is neither a [section] nor key = value");
    if (/^[A-Za-z0-9_.-]+$/.test(key)) return `${key.toLowerCase()} = ${jsonText(value)}`;
    strangeKeys.push(`${path} line ${index + 1}: key ${printable(key)} is not known and has no effect`);
    return "";
  });
  const parsed: Record<string, unknown> = ini.parse(verbatim.join("\n"));
  const sections = new Map<string, Map<string, string>>();
  for (const [name, keys] of Object.entries(parsed)) {
    if (typeof keys !== "object" || keys === null) {
      throw new EfsError("config", `${path}: key ${quoted(name)} stands before the first [section]`, {
        hint: "put it below [mount] or the section it belongs to",
      });
    }
    // the library turns true, false and null into values, which their texts bring back
    sections.set(name, new Map(Object.entries(keys).map(([key, value]) => [key, String(value)])));
  }
  return { path, sections, warnings: [...strangeKeys, ...unknownNames(sections, path)] };
}

/** A text that the library reads back as it is: a JSON text, without the line ends that only Unicode knows. */
function jsonText(text: string): string {
  return JSON.stringify(text).replaceAll(/[\u2028\u2029]/g, (end) => `\\u${end.charCodeAt(0).toString(16)}`);
}

/** A file that says nothing: every key has its default. */
export function emptyConfig(path: string): ConfigFile {
  return { path, sections: new Map(), warnings: [] };
}

function unknownNames(sections: ConfigFile["sections"], path: string): string[] {
  const warnings: string[] = [];
  for (const [section, keys] of sections) {
    const known = REGION_SECTION.test(section) ? "mount" : SECTIONS.find((name) => name === section);
    if (known === undefined) {
      warnings.push(`${path}: section [${printable(section)}] is not known and has no effect`);
      continue;
    }
    for (const key of keys.keys()) {
      const fits = Object.entries(KEYS).some(
        ([id, spec]) => keyName(id as KeyId) === key && (known === "DEFAULT" || spec.section === known),
      );
      if (!fits)
        warnings.push(`${path}: key ${printable(key)} in [${section}] is not known and has no effect`);
    }
  }
  return warnings;
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
      throw new EfsError(
        "config",
        `${file.path}: [${found.section}] ${keyName(id)} = ${quoted(found.value)} is not valid`,
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
