import { join } from "node:path";
import { after, before } from "node:test";
import { encryptedAccount } from "../fakes/encrypted-account.ts";
import { buildCheckout, temporaryDirectory } from "../support/built.ts";

/** The built efs-utils, and emulators of the APIs that it is to call, for a group of tests. */
export function programWithApis() {
  const place = temporaryDirectory();
  const cleanUps: (() => unknown)[] = [];
  const owner = { after: (cleanUp: () => unknown) => void cleanUps.push(cleanUp) };
  let apis: Awaited<ReturnType<typeof encryptedAccount>>;

  before(async () => {
    buildCheckout(place.path);
    apis = await encryptedAccount(owner);
  });
  after(async () => {
    for (const cleanUp of cleanUps.reverse()) await cleanUp();
    place.remove();
  });
  return {
    directory: place.path,
    program: join(place.path, "bin/efs-utils"),
    get account() {
      return apis.account;
    },
    /** What the program needs in its environment to call them. */
    get environment() {
      return { ...apis.environment, HOME: place.path };
    },
    /** Another account, with emulators of its own. */
    anotherAccount: () => encryptedAccount(owner),
  };
}
