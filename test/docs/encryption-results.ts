import type { EncryptionStatus } from "../../src/core/encryption/status.ts";
import type { Whole } from "./whole.ts";

const PROBLEM = { what: "", remedy: "" };
const STATUS: Whole<EncryptionStatus> = {
  inTransit: [
    {
      mountPoint: "",
      fileSystem: "",
      protection: "tls",
      port: 1,
      checks: { chain: true, hostName: true, revocation: true },
      problems: [PROBLEM],
    },
  ],
  atRest: [
    {
      fileSystem: "",
      region: "",
      name: "",
      encrypted: true,
      key: {
        id: "",
        manager: "customer",
        state: "",
        deletionDate: new Date(0),
        rotation: { isOn: true, periodDays: 1, nextDate: new Date(0) },
        needs: [{ action: "kms:Decrypt", state: "met", why: "" }],
        grants: 1,
        unread: [""],
      },
      problems: [PROBLEM],
      unread: [""],
    },
  ],
  unread: [""],
};

/** What the commands about encryption can print with --json, by command. */
export const ENCRYPTION: Readonly<Record<string, object>> = {
  "encryption status": STATUS,
  "encryption enforce": { template: "", document: "" },
};
