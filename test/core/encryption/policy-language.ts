/** IAM's policy language as far as our templates use it: an evaluator that shares nothing with them. */

type OneOrMore = string | readonly string[];

export interface Policy {
  readonly Version: string;
  readonly Statement: readonly {
    readonly Sid?: string;
    readonly Effect: string;
    readonly Principal?: unknown;
    readonly Action: OneOrMore;
    readonly Resource?: OneOrMore;
    readonly Condition?: Readonly<Record<string, Readonly<Record<string, OneOrMore>>>>;
  }[];
}

export interface Request {
  readonly action: string;
  /** Keys that a request does not have are not there. */
  readonly context: Readonly<Record<string, string>>;
}

/** What policies together say of a request: a denial anywhere counts, else an allowance, else it is denied. */
export function decide(policies: readonly Policy[], request: Request): "allowed" | "denied" {
  const effects = policies
    .flatMap(({ Statement }) => Statement)
    .filter(({ Action, Condition = {} }) => {
      const isMeant = list(Action).some((pattern) => matches(pattern, request.action));
      return isMeant && Object.entries(Condition).every(([operator, keys]) => holds(operator, keys, request));
    })
    .map(({ Effect }) => Effect);
  return !effects.includes("Deny") && effects.includes("Allow") ? "allowed" : "denied";
}

function holds(operator: string, keys: Readonly<Record<string, OneOrMore>>, { context }: Request): boolean {
  const [, base = "", ifExists] = /^(Bool|StringEquals)(IfExists)?$/.exec(operator) ?? [];
  if (base === "") throw new Error(`${operator} is not understood`);
  return Object.entries(keys).every(([key, wanted]) => {
    const value = context[key];
    if (value === undefined) return ifExists !== undefined;
    return list(wanted).includes(base === "Bool" ? value.toLowerCase() : value);
  });
}

const list = (value: OneOrMore): readonly string[] => (typeof value === "string" ? [value] : value);

function matches(pattern: string, action: string): boolean {
  const parts = pattern.split("*").map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "i").test(action);
}
