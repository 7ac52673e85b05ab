import type { Problem } from "../status/status.ts";
import type { Need } from "./key-needs.ts";

/** The key of a file system, as the KMS API tells of it. A fact that could not be had is undefined. */
export interface KeyStatus {
  /** Its ARN, as EFS names it. */
  readonly id: string;
  /** Whose it is to manage: a customer's own, or AWS's. */
  readonly manager: "customer" | "aws" | undefined;
  /** As KMS says: Enabled, Disabled, PendingDeletion, PendingImport, Unavailable and others. */
  readonly state: string | undefined;
  readonly deletionDate: Date | undefined;
  readonly rotation: KeyRotation | undefined;
  /** What EFS needs of it; undefined where its policy is AWS's own, or is not known. */
  readonly needs: readonly Need[] | undefined;
  /** How many grants are for the file system. */
  readonly grants: number | undefined;
  /** What could not be looked at, and why. */
  readonly unread: readonly string[];
}

export interface KeyRotation {
  readonly isOn: boolean;
  readonly periodDays: number | undefined;
  readonly nextDate: Date | undefined;
}

/** What is wrong with a key for a file system that is encrypted with it. */
export function keyProblems(key: KeyStatus, fsId: string): Problem[] {
  return [...stateProblems(key, fsId), ...needProblems(key, fsId)];
}

function stateProblems({ id, state, deletionDate }: KeyStatus, fsId: string): Problem[] {
  if (state === undefined || state === "Enabled" || state === "Updating") return [];
  if (state === "PendingDeletion") {
    const when = deletionDate === undefined ? "" : ` on ${deletionDate.toISOString().slice(0, 10)}`;
    return [
      {
        what: `the key of ${fsId} is to be deleted${when}: what is on the file system can be read by nobody then`,
        remedy: `aws kms cancel-key-deletion --key-id ${id}, then aws kms enable-key --key-id ${id}`,
      },
    ];
  }
  if (state === "Disabled") {
    return [
      {
        what: `the key of ${fsId} is disabled: EFS cannot use it`,
        remedy: `aws kms enable-key --key-id ${id}`,
      },
    ];
  }
  return [
    {
      what: `the key of ${fsId} cannot be used: it is ${state}`,
      remedy: "see the key's page in the KMS console: its material or its key store is missing",
    },
  ];
}

function needProblems({ needs = [], grants }: KeyStatus, fsId: string): Problem[] {
  const unmet = needs.filter(({ state }) => state === "unmet").map(({ action }) => action);
  const missing =
    unmet.length === 0
      ? []
      : [
          {
            what: `the key's policy and grants do not give EFS what it needs for ${fsId}: ${unmet.join(", ")}`,
            remedy:
              "allow it in the key's policy, to the account's root or with the condition kms:ViaService of EFS",
          },
        ];
  if (grants !== 0) return missing;
  return [
    ...missing,
    {
      what: `no grant of the key is for ${fsId}: it was revoked or retired, and EFS loses the use of the key`,
      remedy: "if nobody revoked it on purpose, ask AWS Support; data is readable only while EFS has the key",
    },
  ];
}
