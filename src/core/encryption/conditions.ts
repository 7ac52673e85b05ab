/** What is known of a request, by condition key in lower case: each value that it may have. */
export type RequestContext = ReadonlyMap<string, readonly string[]>;

/** Undefined where it depends on what is not known here. */
export type Judgement = boolean | undefined;

type Comparison = (value: string, wanted: string) => boolean;

const same: Comparison = (value, wanted) => value === wanted;
const sameLetters: Comparison = (value, wanted) => value.toLowerCase() === wanted.toLowerCase();
const like: Comparison = (value, wanted) => wildcard(wanted).test(value);

const COMPARISONS: Readonly<Record<string, Comparison>> = {
  StringEquals: same,
  StringEqualsIgnoreCase: sameLetters,
  StringLike: like,
  ArnEquals: like,
  ArnLike: like,
  Bool: sameLetters,
};

/**
 * Whether a condition of a policy holds for a request (IAM User Guide, "IAM JSON policy elements: Condition
 * operators"). Operators that are not known here, and keys that nothing is known of, are left open.
 */
export function holds(
  operator: string,
  key: string,
  wanted: readonly string[],
  context: RequestContext,
): Judgement {
  const values = context.get(key.toLowerCase());
  if (values === undefined) return undefined;
  const plain = operator.replace(/IfExists$/, "");
  // it says whether the key is missing, and a key of which something is known is there
  if (plain === "Null") return wanted.every((value) => sameLetters(value, "false"));
  const isNegated = /^(String|Arn)Not/.test(plain);
  const compare = COMPARISONS[plain.replace(/^(String|Arn)Not/, "$1")];
  if (compare === undefined) return undefined;
  const found = values.some((value) => wanted.some((each) => compare(value, each)));
  return found !== isNegated;
}

/** A text with `*` and `?` as IAM understands them. */
export function wildcard(pattern: string, flags = ""): RegExp {
  const escaped = pattern.replaceAll(/[.+^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${escaped.replaceAll(/\*+/g, ".*").replaceAll("?", ".")}$`, `s${flags}`);
}
