import type { Credentials } from "../../src/core/identity/connect-signature.ts";
import { type Test, temporaryDirectory } from "../support/authority.ts";

/** Changes this process's environment until the test ends; undefined takes a variable away. */
export function setEnvironment(test: Test, change: Readonly<Record<string, string | undefined>>): void {
  const before = Object.fromEntries(Object.keys(change).map((name) => [name, process.env[name]]));
  const set = (values: Readonly<Record<string, string | undefined>>) => {
    for (const [name, value] of Object.entries(values)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  };
  set(change);
  test.after(() => set(before));
}

/** Takes away whatever of this process's environment the AWS SDK would read. */
export function forgetAws(test: Test): void {
  const names = Object.keys(process.env).filter((name) => name.startsWith("AWS_"));
  setEnvironment(test, Object.fromEntries(names.map((name) => [name, undefined])));
}

/** Has this process call AWS's APIs with these keys and nothing else; the rest says where they are. */
export function callAs(test: Test, keys: Credentials, rest: Readonly<Record<string, string>>): void {
  forgetAws(test);
  setEnvironment(test, {
    HOME: temporaryDirectory(test, "home"),
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_ACCESS_KEY_ID: keys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
    AWS_SESSION_TOKEN: keys.sessionToken,
    ...rest,
  });
}
