import { createPrivateKey, generateKeyPair, type KeyObject } from "node:crypto";
import { posix } from "node:path";
import { promisify } from "node:util";
import { EfsError } from "../core/errors.ts";
import { makeDirectory, readIfThere, writeAtomically } from "../system/files.ts";
import { takeLock } from "../system/lock.ts";

const KEY_BITS = 3072;
/** How long a helper waits while another one makes the key. */
const LOCK_PATIENCE_MS = 60_000;

/**
 * The private key that all mounts of this machine share. Where there is none yet, or an empty file, it is
 * made once, under a lock on its directory that ends with its holder.
 *
 * @throws EfsError (system) for a key that cannot be read or made
 */
export async function privateKey(path: string): Promise<KeyObject> {
  const existing = existingKey(path);
  if (existing !== undefined) return existing;
  const directory = posix.dirname(path);
  makeDirectory(directory, 0o755);
  const lock = await takeLock(directory, LOCK_PATIENCE_MS);
  if (lock === undefined) {
    throw new EfsError("system", `another process is still making ${path}`, { hint: "try again" });
  }
  try {
    return existingKey(path) ?? (await make(path));
  } finally {
    lock.release();
  }
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

async function make(path: string): Promise<KeyObject> {
  const { privateKey: key } = await promisify(generateKeyPair)("rsa", { modulusLength: KEY_BITS });
  writeAtomically(path, key.export({ type: "pkcs8", format: "pem" }).toString(), 0o400, { durable: true });
  return key;
}
