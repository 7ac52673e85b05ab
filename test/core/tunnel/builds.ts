import { readFileSync } from "node:fs";
import { parseCapabilities, type StunnelCapabilities } from "../../../src/core/tunnel/capabilities.ts";

/** What a generation of stunnel prints for -help, shortened to a few options where it has too many. */
export function help(generation: "4.56" | "5.75"): string {
  return readFileSync(new URL(`help/${generation}.txt`, import.meta.url), "utf8");
}

export const OLD: StunnelCapabilities = parseCapabilities(help("4.56"));
export const NEW: StunnelCapabilities = parseCapabilities(help("5.75"));
