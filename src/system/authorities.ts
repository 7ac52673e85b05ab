import { readFileSync } from "node:fs";
import { EfsError } from "../core/errors.ts";
import { reason } from "./errno.ts";

/**
 * Whom AWS's APIs are trusted by instead of node's own list, as an option of tls.connect(): the file that
 * AWS_CA_BUNDLE names, as in AWS's other tools. Where it names none, nothing is changed.
 *
 * @throws EfsError (config) where that file cannot be read
 */
export function trustedAuthorities(environment: Readonly<Record<string, string | undefined>>): {
  readonly ca?: string;
} {
  const path = environment.AWS_CA_BUNDLE;
  if (path === undefined || path === "") return {};
  try {
    return { ca: readFileSync(path, "utf8") };
  } catch (cause) {
    throw new EfsError("config", `AWS_CA_BUNDLE names ${path}, which cannot be read: ${reason(cause)}`, {
      hint: "correct or unset it",
      cause,
    });
  }
}
