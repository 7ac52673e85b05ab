import type { KMSClient } from "@aws-sdk/client-kms";
import type { KeyRotation, KeyStatus } from "../../core/encryption/key.ts";
import { type Grant, grantsFor, keyNeeds } from "../../core/encryption/key-needs.ts";
import { NoPolicy, parseKeyPolicy, type Statement } from "../../core/encryption/key-policy.ts";
import { quietSdk } from "../../system/aws-sdk.ts";
import { type ApiCaller, clientSettings, PATIENT_ATTEMPTS, withinLimit } from "../aws/client.ts";
import { explainApiFailure } from "../aws/failure.ts";

type Sdk = typeof import("../../lazy/aws-kms.ts");

/** More pages of grants than a key can have (50 000, of 100 each). */
const MOST_PAGES = 500;
const PAGE_SIZE = 100;
/** For one question, all its pages and what a busy API costs. */
const LIMIT_MS = 60_000;
/** The only name that a key's policy has. */
const POLICY_NAME = "default";

/**
 * What KMS tells of a file system's key. What it does not tell is among `unread`: this throws nothing for it.
 *
 * @param id the key's ARN
 */
export async function lookAtKey(id: string, fsId: string, caller: ApiCaller): Promise<KeyStatus> {
  quietSdk();
  const sdk = await import("../../lazy/aws-kms.ts");
  const client = new sdk.KMSClient(clientSettings(caller, PATIENT_ATTEMPTS));
  const unread: string[] = [];
  const ask = async <T>(what: string, permission: string, call: Promise<T>) => {
    try {
      return await withinLimit(call, LIMIT_MS);
    } catch (error) {
      unread.push(`${what}: ${whyNot(error, permission, caller)}`);
      return undefined;
    }
  };
  try {
    const described = await ask(
      "the key",
      "kms:DescribeKey",
      client.send(new sdk.DescribeKeyCommand({ KeyId: id })),
    );
    const { KeyManager, KeyState, DeletionDate, AWSAccountId } = described?.KeyMetadata ?? {};
    const manager = KeyManager === undefined ? undefined : KeyManager === "AWS" ? "aws" : "customer";
    const known = { id, manager, state: KeyState, deletionDate: DeletionDate } as const;
    const rotation = await ask("rotation", "kms:GetKeyRotationStatus", rotationOf(id, client, sdk));
    // policy and grants of its own keys are AWS's business, and in order
    if (manager === "aws") return { ...known, rotation, needs: undefined, grants: undefined, unread };
    const [policy, grants] = await Promise.all([
      ask("the key's policy", "kms:GetKeyPolicy", policyOf(id, client, sdk)),
      ask("the key's grants", "kms:ListGrants", grantsOf(id, client, sdk)),
    ]);
    const account = AWSAccountId ?? id.split(":")[4] ?? "";
    const use = { account, region: caller.region, fsId };
    return {
      ...known,
      rotation,
      needs: policy && keyNeeds(policy, grants, use),
      grants: grants && grantsFor(grants, fsId).length,
      unread,
    };
  } finally {
    client.destroy();
  }
}

function whyNot(error: unknown, permission: string, { region, profile }: ApiCaller): string {
  if (error instanceof NoPolicy) return error.message;
  if (error instanceof Error && error.name === "NotFoundException") {
    return `KMS in ${region} does not know it: it was deleted, or is another region's`;
  }
  const call = { service: "KMS", permission, region, profile, purpose: "the key" };
  const { message, hint } = explainApiFailure(error, call);
  return `${message}; ${hint}`;
}

/** Undefined for keys that KMS cannot rotate: imported material, other key stores. */
async function rotationOf(id: string, client: KMSClient, sdk: Sdk): Promise<KeyRotation | undefined> {
  try {
    const answer = await client.send(new sdk.GetKeyRotationStatusCommand({ KeyId: id }));
    return {
      isOn: answer.KeyRotationEnabled === true,
      periodDays: answer.RotationPeriodInDays,
      nextDate: answer.NextRotationDate,
    };
  } catch (error) {
    if (error instanceof Error && error.name === "UnsupportedOperationException") return undefined;
    throw error;
  }
}

async function policyOf(id: string, client: KMSClient, sdk: Sdk): Promise<Statement[]> {
  const command = new sdk.GetKeyPolicyCommand({ KeyId: id, PolicyName: POLICY_NAME });
  const { Policy = "" } = await client.send(command);
  return parseKeyPolicy(Policy);
}

async function grantsOf(id: string, client: KMSClient, sdk: Sdk): Promise<Grant[]> {
  const grants: Grant[] = [];
  let marker: string | undefined;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const command = new sdk.ListGrantsCommand({ KeyId: id, Limit: PAGE_SIZE, Marker: marker });
    const { Grants = [], Truncated, NextMarker } = await client.send(command);
    for (const { GranteePrincipal = "", Operations = [], Constraints = {} } of Grants) {
      const { EncryptionContextSubset = {}, EncryptionContextEquals = {} } = Constraints;
      const context = { ...EncryptionContextSubset, ...EncryptionContextEquals };
      grants.push({ grantee: GranteePrincipal, operations: Operations, context });
    }
    if (!Truncated || !NextMarker) return grants;
    marker = NextMarker;
  }
  throw new Error("the list of grants has no end");
}
