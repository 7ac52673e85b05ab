import { createPrivateKey, generateKeyPair, type KeyObject } from "node:crypto";
import { rmSync } from "node:fs";
import { posix } from "node:path";
import { promisify } from "node:util";
import { EfsError } from "../../core/errors.ts";
import { makeDirectory, readIfThere, writeOnce } from "../../system/files.ts";

const KEY_BITS = 3072;
const KEY_MODE = 0o400;
const MOST_TRIES = 10;

/**
 * The private key that all mounts of this machine share. Where there is none yet, or an empty file, it is made. Of many
 * helpers who make one at the same time, all take the one that came first.
 *
 * @throws EfsError (system) for a key that cannot be read or made
 */
export async function privateKey(path: string): Promise<KeyObject> {
  const existing = existingKey(path);
  if (existing !== undefined) return existing;
  makeDirectory(posix.dirname(path), 0o755);
  const { privateKey: key } = await promisify(generateKeyPair)("rsa", { modulusLength: KEY_BITS });
  const text = key.export({ type: "pkcs8", format: "pem" }).toString();
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    if (writeOnce(path, text, KEY_MODE)) return key;
    const first = existingKey(path);
    if (first !== undefined) return first;
    // it is empty
    rmSync(path, { force: true });
  }
  throw new EfsError("system", `${path} is emptied again and again`, { hint: "find out what writes there" });
}

/** The key, where there is one. @throws EfsError (system) for one that cannot be read */
export function existingKey(path: string): KeyObject | undefined {
  const text = readIfThere(path);
  if (text === undefined || text.trim() === "") return undefined;
  try {
    const key = createPrivateKey(text);
    if (key.asymmetricKeyType !== "rsa") throw new Error(`it is of type ${key.asymmetricKeyType}`);
    return key;
  } catch (cause) {
    throw new EfsError("system", `${path} holds no RSA private key that can be read`, {
      hint: "remove the file: the next mount makes a new key",
      cause,
    });
  }
}
