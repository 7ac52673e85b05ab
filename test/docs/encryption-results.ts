import type { Created } from "../../src/core/create-file-system/created.ts";
import type { Audit } from "../../src/core/encryption/audit.ts";
import type { FileSystem } from "../../src/core/encryption/file-system.ts";
import type { EncryptionStatus } from "../../src/core/encryption/status.ts";
import type { Region } from "../../src/core/ids.ts";
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

const FILE_SYSTEM: Whole<FileSystem> = {
  id: "",
  region: "us-east-1" as Region,
  name: "",
  encrypted: true,
  keyId: "",
  state: "",
  createdAt: new Date(0),
  sizeBytes: 1,
  mountTargets: 1,
};
const AUDIT = {
  regions: [{ region: "", fileSystems: [FILE_SYSTEM], error: "" }],
  encrypted: 1,
  notEncrypted: 1,
  notKnown: 1,
} satisfies Whole<Audit>;

const CREATED: Whole<Created> = {
  fileSystem: "",
  region: "",
  token: "",
  name: "",
  encrypted: true,
  keyId: "",
  state: "",
  mountTargets: [{ id: "", subnet: "", state: "", address: "", zone: "" }],
  accessPoint: { id: "", path: "", state: "" },
};

/** What the commands about encryption can print with --json, by command. */
export const ENCRYPTION: Readonly<Record<string, object>> = {
  "encryption status": STATUS,
  "encryption audit": AUDIT,
  "create-file-system": CREATED,
  "encryption enforce": { template: "", document: "" },
};
