import { readSections } from "../config/ini-text.ts";
import type { ProfileFacts } from "./candidates.ts";

type Section = ReadonlyMap<string, string>;

/** The two files in which people have profiles. */
export type ProfileFile = "credentials" | "config";

/** What a profile has for keys, as it is written. */
export interface ProfileKeys {
  readonly accessKeyId: string | undefined;
  readonly secretAccessKey: string | undefined;
  readonly sessionToken: string | undefined;
}

/**
 * The profiles of ~/.aws. What AWS's own programs read is read, and what mount helpers have read since before
 * them: keys in any case or with a colon, and `[NAME]` for `[profile NAME]` in config.
 */
export class Profiles {
  readonly #sections: Readonly<Record<ProfileFile, ReadonlyMap<string, Section>>>;

  /** @param texts of the files; that of one that is not there is empty */
  constructor(texts: Readonly<Record<ProfileFile, string>>) {
    const sections = (file: ProfileFile) => readSections(texts[file], () => {}).sections;
    this.#sections = { credentials: sections("credentials"), config: sections("config") };
  }

  facts(name: string): ProfileFacts {
    const hasKeys = (file: ProfileFile) => {
      const { accessKeyId, secretAccessKey } = this.keys(file, name);
      return Boolean(accessKeyId && secretAccessKey);
    };
    return {
      keysInCredentials: hasKeys("credentials"),
      keysInConfig: hasKeys("config"),
      exists: this.#find("credentials", name) !== undefined || this.#find("config", name) !== undefined,
    };
  }

  keys(file: ProfileFile, name: string): ProfileKeys {
    const section = this.#find(file, name);
    return {
      accessKeyId: section?.get("aws_access_key_id"),
      secretAccessKey: section?.get("aws_secret_access_key"),
      sessionToken: section?.get("aws_session_token"),
    };
  }

  #find(file: ProfileFile, name: string): Section | undefined {
    const sections = this.#sections[file];
    if (file === "credentials") return sections.get(name);
    const prefixed = [...sections].find(([title]) => profileOf(title) === name)?.[1];
    return prefixed ?? sections.get(name);
  }
}

/** The name in `profile NAME`, which may be quoted. */
function profileOf(title: string): string | undefined {
  if (!/^profile\s/.test(title)) return undefined;
  const written = title.slice("profile".length).trim();
  const quote = /^["']/.exec(written)?.[0];
  if (quote === undefined) return written === "" ? undefined : written;
  return written.length > 2 && written.endsWith(quote) ? written.slice(1, -1) : undefined;
}
