import type { RequestContext } from "./conditions.ts";
import { applies, conditionsThat, type Statement } from "./key-policy.ts";

/**
 * What EFS requires of the key that encrypts a file system (EFS User Guide, "Amazon EFS key policies for AWS
 * KMS"). The first two are for the making of a file system, the others for its use.
 */
export const NEEDED_ACTIONS = [
  "kms:CreateGrant",
  "kms:DescribeKey",
  "kms:Decrypt",
  "kms:GenerateDataKeyWithoutPlaintext",
] as const;
export type NeededAction = (typeof NEEDED_ACTIONS)[number];

/** A key, and the file system for which it is asked. */
export interface KeyUse {
  /** The account of key and file system, of 12 digits. */
  readonly account: string;
  readonly region: string;
  readonly fsId: string;
}

/** A grant of a key, as far as it is looked at (AWS KMS API, ListGrants). */
export interface Grant {
  readonly grantee: string;
  /** Operations without `kms:`. */
  readonly operations: readonly string[];
  /** Encryption context that it is limited to. */
  readonly context: Readonly<Record<string, string>>;
}

/** How a key's policy and grants answer for one action. */
export interface Need {
  readonly action: NeededAction;
  /** `open` depends on what cannot be seen from here. */
  readonly state: "met" | "unmet" | "open";
  /** Why, in a reader's words. */
  readonly why: string;
}

/** The encryption context that EFS sends: the file system's id. */
const FILE_SYSTEM_ID = "aws:elasticfilesystem:filesystem:id";

/** What is known of a request that EFS makes on behalf of a principal of the key's account. */
function requestOf({ account, region, fsId }: KeyUse): RequestContext {
  const service = `elasticfilesystem.${region}.amazonaws.com`;
  return new Map([
    // in China, KMS names services both ways
    ["kms:viaservice", region.startsWith("cn-") ? [service, `${service}.cn`] : [service]],
    ["kms:calleraccount", [account]],
    ["kms:grantisforawsresource", ["true"]],
    [`kms:encryptioncontext:${FILE_SYSTEM_ID}`, [fsId]],
    ["kms:encryptioncontextkeys", [FILE_SYSTEM_ID]],
    ["aws:securetransport", ["true"]],
    ["aws:viaawsservice", ["true"]],
  ]);
}

/** Grants that are for a file system: limited to its id, or not limited and given to EFS. */
export function grantsFor(grants: readonly Grant[], fsId: string): Grant[] {
  return grants.filter(({ grantee, context }) => {
    const limit = context[FILE_SYSTEM_ID];
    if (limit !== undefined) return limit === fsId;
    return Object.keys(context).length === 0 && /^elasticfilesystem\./.test(grantee);
  });
}

/**
 * Whether each action that EFS needs is given: by a grant for the file system, or by the policy, to all or some
 * principals of the account. A denial is stronger than both.
 *
 * @param grants undefined where they are not known
 */
export function keyNeeds(
  policy: readonly Statement[],
  grants: readonly Grant[] | undefined,
  use: KeyUse,
): Need[] {
  const context = requestOf(use);
  const own = grantsFor(grants ?? [], use.fsId);
  return NEEDED_ACTIONS.map((action) => {
    const about = policy.filter((statement) => statement.covers(action));
    const { denied, doubts } = denials(about, use, context);
    if (denied !== undefined) return { action, state: "unmet", why: denied };
    const isGranted = own.some(({ operations }) => operations.includes(action.replace(/^kms:/, "")));
    const { state, why } = isGranted
      ? { state: "met" as const, why: `by a grant for ${use.fsId}` }
      : allowance(about, use, context);
    if (doubts.length === 0 || state === "unmet") return { action, state, why };
    return { action, state: "open", why: [why, ...doubts].join("; ") };
  });
}

/** What is denied to everybody in the account, and what is denied to some or under conditions, in words. */
function denials(
  about: readonly Statement[],
  use: KeyUse,
  context: RequestContext,
): { denied: string | undefined; doubts: string[] } {
  const denying = about.filter(
    (statement) => statement.effect === "Deny" && applies(statement, context) !== false,
  );
  const words = denying.map((statement) => {
    const { name, principals } = statement;
    const isForAll = !principals.isAllBut && audience(statement, use) !== "named";
    const who = isForAll ? "" : ` to ${principals.isAllBut ? "all but " : ""}${principals.named.join(", ")}`;
    const open = conditionsThat("open", statement, context);
    const when = open.length === 0 ? "" : ` if ${open.join(" and ")}`;
    return { isCertain: isForAll && when === "", text: `${name} denies it${who}${when}` };
  });
  return {
    denied: words.find(({ isCertain }) => isCertain)?.text,
    doubts: words.filter(({ isCertain }) => !isCertain).map(({ text }) => text),
  };
}

function allowance(
  about: readonly Statement[],
  use: KeyUse,
  context: RequestContext,
): Pick<Need, "state" | "why"> {
  const allowing = about.filter(({ effect, principals }) => effect === "Allow" && !principals.isAllBut);
  const holding = allowing.filter((statement) => applies(statement, context) === true);
  const of = (wanted: Audience) => holding.find((statement) => audience(statement, use) === wanted);
  const all = of("everybody");
  if (all !== undefined) return { state: "met", why: `${all.name} allows it to whoever uses EFS` };
  const root = of("account");
  if (root !== undefined) return { state: "met", why: `${root.name} leaves it to IAM policies` };
  if (holding.length > 0) {
    const who = [...new Set(holding.flatMap(({ principals }) => principals.named))];
    return {
      state: "met",
      why: `${holding.map(({ name }) => name).join(", ")} allows it to ${who.join(", ")}`,
    };
  }
  const open = allowing.filter((statement) => applies(statement, context) === undefined);
  if (open.length > 0) {
    const ways = open.map(
      (each) => `${each.name} allows it if ${conditionsThat("open", each, context).join(" and ")}`,
    );
    return { state: "open", why: ways.join("; ") };
  }
  const others = allowing.map(
    (each) => `${each.name} allows it only if ${conditionsThat("failing", each, context).join(" and ")}`,
  );
  return { state: "unmet", why: ["no statement allows it to EFS", ...others].join("; ") };
}

type Audience = "everybody" | "account" | "named";

/** Whom a statement is for: a whole account by its number or its root, which stands for IAM policies. */
function audience({ principals }: Statement, { account }: KeyUse): Audience {
  if (principals.named.includes("*")) return "everybody";
  const isRoot = (one: string) =>
    one === account || (/^arn:[^:]*:iam::/.test(one) && one.endsWith(`::${account}:root`));
  return principals.named.some(isRoot) ? "account" : "named";
}
