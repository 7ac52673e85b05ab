import { holds, type Judgement, matchesWildcard, type RequestContext } from "./conditions.ts";

/** A statement of a key policy, as far as it says who may do what under which conditions. */
export interface Statement {
  /** Its Sid, or its place. */
  readonly name: string;
  readonly effect: "Allow" | "Deny";
  readonly principals: Principals;
  /** Whether it is about an action, by its Action or NotAction. */
  covers(action: string): boolean;
  /** Operators, and below them condition keys with the values that they are compared with. */
  readonly conditions: Conditions;
}

export type Conditions = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

interface Principals {
  /** Whether it is for all but those that are named. */
  readonly isAllBut: boolean;
  readonly named: readonly string[];
}

/** Why a text is no key policy. */
export class NoPolicy extends Error {}

/** Longer texts than this are no key policy (KMS takes 32 KiB). */
const LONGEST = 64 * 1024;

/**
 * Reads a key policy (IAM User Guide, "IAM JSON policy elements"). Its Resource is always the key.
 *
 * @throws NoPolicy saying what is wrong with it
 */
export function parseKeyPolicy(text: string): Statement[] {
  if (text.length > LONGEST) throw new NoPolicy("it is too long");
  let policy: unknown;
  try {
    policy = JSON.parse(text);
  } catch {
    throw new NoPolicy("it is no JSON");
  }
  const { Statement: statements } = (isObject(policy) ? policy : {}) as { Statement?: unknown };
  const listed = Array.isArray(statements) ? statements : statements === undefined ? [] : [statements];
  if (listed.length === 0) throw new NoPolicy("it has no statement");
  return listed.map((one, index) => statement(one, `statement ${index + 1}`));
}

function statement(value: unknown, place: string): Statement {
  if (!isObject(value)) throw new NoPolicy(`${place} is no object`);
  const { Sid, Effect, Principal, NotPrincipal, Action, NotAction, Condition } = value;
  if (Effect !== "Allow" && Effect !== "Deny") throw new NoPolicy(`${place} has no effect`);
  const actions = texts(Action ?? NotAction);
  const named = principals(Principal ?? NotPrincipal);
  if (actions === undefined) throw new NoPolicy(`${place} has no action`);
  if (named === undefined) throw new NoPolicy(`${place} has no principal`);
  const patterns = actions.map((action) => action.toLowerCase());
  const isListed = (action: string) =>
    patterns.some((pattern) => matchesWildcard(pattern, action.toLowerCase()));
  return {
    name: typeof Sid === "string" && Sid !== "" ? Sid : place,
    effect: Effect,
    principals: { isAllBut: Principal === undefined, named },
    covers: (action) => isListed(action) === (Action !== undefined),
    conditions: conditions(Condition, place),
  };
}

/** `*`, or the principals of each kind; those that are no AWS principals have their kind in front. */
function principals(value: unknown): string[] | undefined {
  if (value === "*") return ["*"];
  if (!isObject(value)) return undefined;
  const named = Object.entries(value).map(([kind, of]) =>
    texts(of)?.map((one) => (kind === "AWS" ? one : `${kind} ${one}`)),
  );
  return named.includes(undefined) || named.length === 0 ? undefined : (named.flat() as string[]);
}

function conditions(value: unknown, place: string): Conditions {
  if (value === undefined) return {};
  const wrong = () => new NoPolicy(`${place} has a condition that is none`);
  if (!isObject(value)) throw wrong();
  return Object.fromEntries(
    Object.entries(value).map(([operator, keys]) => {
      if (!isObject(keys)) throw wrong();
      const compared = Object.entries(keys).map(([key, of]) => {
        const values = texts(of);
        if (values === undefined) throw wrong();
        return [key, values] as const;
      });
      return [operator, Object.fromEntries(compared)];
    }),
  );
}

/** Whether a statement's conditions hold for a request: all of them must. */
export function applies(statement: Statement, context: RequestContext): Judgement {
  const judged = judge(statement, context).map(({ judgement }) => judgement);
  return judged.includes(false) ? false : judged.includes(undefined) ? undefined : true;
}

/** The conditions that cannot be judged from here, or that do not hold, in the policy's own words. */
export function conditionsThat(
  are: "open" | "failing",
  statement: Statement,
  context: RequestContext,
): string[] {
  const wanted = are === "open" ? undefined : false;
  return judge(statement, context)
    .filter(({ judgement }) => judgement === wanted)
    .map(({ words }) => words);
}

function judge({ conditions: all }: Statement, context: RequestContext) {
  return Object.entries(all).flatMap(([operator, keys]) =>
    Object.entries(keys).map(([key, values]) => ({
      judgement: holds(operator, key, values, context),
      words: `${operator} ${key} ${values.join(" or ")}`,
    })),
  );
}

function texts(value: unknown): string[] | undefined {
  const all = Array.isArray(value) ? value : [value];
  const asText = all.map((one) =>
    ["string", "boolean", "number"].includes(typeof one) ? String(one) : undefined,
  );
  return asText.includes(undefined) ? undefined : (asText as string[]);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
