import { lstatSync } from "node:fs";
import { FILE_MODES } from "../../core/tunnel/names.ts";
import { readIfThere, writeAtomically } from "../../system/files.ts";

const LONGEST = 64 * 1024;

/** A copy of a tunnel's stunnel configuration, against its loss: a tunnel cannot be started without it. */
export class KeptConfig {
  readonly #path: string;
  #version = "";
  #text: string | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Takes the file as it is now. Where it is gone, it is written again from the copy.
   *
   * @returns what was done: it was written again, the copy was made anew, or nothing
   * @throws EfsError (system) where it can be neither read nor written
   */
  keep(): "restored" | "noted" | "nothing" {
    const stats = lstatSync(this.#path, { throwIfNoEntry: false });
    if (stats === undefined) {
      if (this.#text === undefined) return "nothing";
      writeAtomically(this.#path, this.#text, FILE_MODES.private);
      return "restored";
    }
    const version = `${stats.ino}:${stats.size}:${stats.mtimeMs}`;
    if (version === this.#version || !stats.isFile() || stats.size > LONGEST) return "nothing";
    this.#text = readIfThere(this.#path);
    this.#version = version;
    return "noted";
  }
}
