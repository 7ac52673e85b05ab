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

/** Something to see to. */
export interface Finding {
  readonly what: string;
  readonly remedy: string;
}

/** What is wrong with a key for a file system that is encrypted with it. */
export function keyFindings(key: KeyStatus, fsId: string): Finding[] {
  return [...stateFindings(key, fsId), ...needFindings(key, fsId)];
}

function stateFindings({ id, state, deletionDate }: KeyStatus, fsId: string): Finding[] {
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

function needFindings({ needs = [], grants }: KeyStatus, fsId: string): Finding[] {
  const unmet = needs.filter(({ state }) => state === "unmet");
  const missing = unmet.map(({ action, why }) => ({
    what: `the key's policy and grants do not give EFS ${action} for ${fsId}: ${why}`,
    remedy: `allow ${action} in the key's policy with kms:ViaService of EFS, or to the account's root`,
  }));
  if (grants !== 0) return missing;
  return [
    ...missing,
    {
      what: `no grant of the key is for ${fsId}: it was revoked or retired, and EFS loses the use of the key`,
      remedy: "if nobody revoked it on purpose, ask AWS Support; data is readable only while EFS has the key",
    },
  ];
}
