import { EfsError } from "../errors.ts";
import { hasControlCharacter, quoted } from "../text.ts";

/** An option as mount(8) writes it: a name, and a value where there was an equals sign. */
export interface MountOption {
  readonly name: string;
  readonly value: string | undefined;
}

/** What the helper itself understands. None of these reaches mount.nfs4. */
export const OWN_OPTIONS = {
  tls: "flag",
  notls: "flag",
  tlsport: "value",
  verify: "value",
  ocsp: "flag",
  noocsp: "flag",
  cafile: "value",
  iam: "flag",
  awsprofile: "value",
  awscredsuri: "value",
  rolearn: "value",
  jwtpath: "value",
  accesspoint: "value",
  az: "value",
  azid: "value",
  region: "value",
  mounttargetip: "value",
  crossaccount: "flag",
  netns: "value",
  /** Accepted: the tunnel is always stunnel. */
  stunnel: "flag",
  /** The CSI driver passes it for its own use. */
  fsap: "any",
  /** Known in order to be refused. */
  capath: "any",
} as const satisfies Record<string, "flag" | "value" | "any">;

export type OwnOption = keyof typeof OWN_OPTIONS;

/** What only fstab's readers and systemd understand; mount.nfs4 may reject it. */
const FOR_OTHERS = new Set([
  "_netdev",
  "nofail",
  "auto",
  "noauto",
  "user",
  "nouser",
  "users",
  "owner",
  "group",
  "comment",
]);

export function isForOthers({ name }: MountOption): boolean {
  return FOR_OTHERS.has(name) || name.startsWith("x-") || name.startsWith("X-");
}

/**
 * Splits the text of `-o` at its commas (not at those inside double quotes, which SELinux contexts have)
 * and each option at its first equals sign. Empty options are dropped.
 *
 * @throws EfsError (usage) where an option holds a control character.
 */
export function splitOptions(text: string): MountOption[] {
  if (hasControlCharacter(text)) {
    throw new EfsError("usage", `the mount options ${quoted(text)} hold a control character`, {
      hint: "remove it",
    });
  }
  const balanced = text.split('"').length % 2 === 1;
  const pieces = balanced ? (text.match(/(?:"[^"]*"|[^,"])+/g) ?? []) : text.split(",");
  return pieces
    .filter((piece) => piece !== "")
    .map((piece) => {
      const at = piece.indexOf("=");
      return at === -1
        ? { name: piece, value: undefined }
        : { name: piece.slice(0, at), value: piece.slice(at + 1) };
    });
}

/** The text of `-o` again: what `splitOptions` reads back to the same options. */
export function joinOptions(options: Iterable<MountOption>): string {
  return [...options].map(({ name, value }) => (value === undefined ? name : `${name}=${value}`)).join(",");
}

/** The options by name; of several with one name the last counts, in the place of the first. */
export function lastOfEach(options: readonly MountOption[]): MountOption[] {
  return [...new Map(options.map((option) => [option.name, option])).values()];
}

/** Our own options and their values, apart from those that go to mount.nfs4. */
export class OwnOptions {
  readonly #values = new Map<string, string | undefined>();

  /** @throws EfsError (usage) for a flag with a value and a value that is missing. */
  constructor(options: readonly MountOption[]) {
    for (const { name, value } of options) {
      if (!isOwn(name)) continue;
      const kind = OWN_OPTIONS[name];
      if (kind === "flag" && value !== undefined) {
        throw new EfsError("usage", `option ${name} takes no value, but has ${quoted(value)}`, {
          hint: `write ${name} alone`,
        });
      }
      if (kind === "value" && (value === undefined || value === "")) {
        throw new EfsError("usage", `option ${name} needs a value`, { hint: `write ${name}=VALUE` });
      }
      this.#values.set(name, value);
    }
  }

  has(name: OwnOption): boolean {
    return this.#values.has(name);
  }

  value(name: OwnOption): string | undefined {
    return this.#values.get(name);
  }
}

export function isOwn(name: string): name is OwnOption {
  return Object.hasOwn(OWN_OPTIONS, name);
}
