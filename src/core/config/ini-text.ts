import ini from "ini";
import { hasControlCharacter } from "../text.ts";

export interface IniText {
  /** Texts by section and key; keys are in lower case. */
  readonly sections: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** The line that counts of each section (its first) and key (its last), from 1, by `place`. */
  readonly lines: ReadonlyMap<string, number>;
  /** Keys before the first section. */
  readonly strays: readonly string[];
  /** Keys that no program has, which are passed over. */
  readonly strangeKeys: readonly StrangeKey[];
}

export interface StrangeKey {
  readonly section: string;
  readonly key: string;
  /** From 1. */
  readonly line: number;
}

/** Names a key of a section, or the section itself, in `lines`. */
export function place(section: string, key = ""): string {
  return `${section}\0${key}`;
}

/**
 * Reads the dialect of Python's ConfigParser (`key = value` or `key: value`, keys in any case, `#` and `;`
 * comments, any section names), in which mount helpers have their configuration and read ~/.aws, by writing each
 * line as the ini library reads it verbatim.
 *
 * @param wrong called for a line that is not of it, with its number; such a line is passed over, or read as far
 *   as it goes, unless this throws
 */
export function readSections(
  text: string,
  wrong: (number: number, line: string, why: string) => void,
): IniText {
  const strangeKeys: StrangeKey[] = [];
  const places = new Map<string, number>();
  let current = "";
  const lines = text.replace(/^\uFEFF/, "").split(/\r\n|\r|\n/);
  const verbatim = lines.map((line, index) => {
    const number = index + 1;
    const said = line.replace(/(^|\s)[#;].*$/s, "").trim();
    if (said === "") return "";
    if (hasControlCharacter(said.replaceAll("\t", " ")))
      wrong(number, line.trim(), "holds a control character");
    const section = titleIn(said);
    if (section !== undefined) {
      current = section;
      if (!places.has(place(section))) places.set(place(section), number);
      return `[${jsonText(section.replaceAll(".", "\\."))}]`;
    }
    const at = said.search(/[=:]/);
    const [key, value] = [said.slice(0, Math.max(at, 0)).trimEnd(), said.slice(at + 1).trimStart()];
    if (key === "") {
      wrong(number, line.trim(), "is neither a [section] nor key = value");
      return "";
    }
    if (/^[A-Za-z0-9_.-]+$/.test(key)) {
      places.set(place(current, key.toLowerCase()), number);
      return `${key.toLowerCase()} = ${jsonText(value)}`;
    }
    strangeKeys.push({ section: current, key, line: number });
    return "";
  });
  const parsed: Record<string, unknown> = ini.parse(verbatim.join("\n"));
  const sections = new Map<string, Map<string, string>>();
  const strays: string[] = [];
  for (const [name, keys] of Object.entries(parsed)) {
    if (typeof keys !== "object" || keys === null) strays.push(name);
    // the library turns true, false and null into values, which their texts bring back
    else sections.set(name, new Map(Object.entries(keys).map(([key, value]) => [key, String(value)])));
  }
  return { sections, lines: places, strays, strangeKeys };
}

/** The name in `[NAME]`. */
function titleIn(said: string): string | undefined {
  if (said.indexOf("]") !== said.length - 1 || !said.startsWith("[")) return undefined;
  return said.slice(1, -1).trim() || undefined;
}

/** A text that the library reads back as it is: a JSON text, without the line ends that only Unicode knows. */
function jsonText(text: string): string {
  return JSON.stringify(text).replaceAll(/[\u2028\u2029]/g, (end) => `\\u${end.charCodeAt(0).toString(16)}`);
}
