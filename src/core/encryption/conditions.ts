/** What is known of a request, by condition key in lower case: each value that it may have. */
export type RequestContext = ReadonlyMap<string, readonly string[]>;

/** Undefined where it depends on what is not known here. */
export type Judgement = boolean | undefined;

type Comparison = (value: string, wanted: string) => boolean;

const same: Comparison = (value, wanted) => value === wanted;
const sameLetters: Comparison = (value, wanted) => value.toLowerCase() === wanted.toLowerCase();
const like: Comparison = (value, wanted) => matchesWildcard(wanted, value);

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
  const name = plain.replace(/^(String|Arn)Not/, "$1");
  const compare = Object.hasOwn(COMPARISONS, name) ? COMPARISONS[name] : undefined;
  if (compare === undefined) return undefined;
  const found = values.some((value) => wanted.some((each) => compare(value, each)));
  return found !== isNegated;
}

/**
 * Whether a text fits a pattern with `*` and `?` as IAM understands them. A regular expression could take for ever:
 * here the last `*` alone is tried again.
 */
export function matchesWildcard(pattern: string, value: string): boolean {
  let [at, star, resume] = [0, -1, 0];
  for (let read = 0; read < value.length; ) {
    if (pattern[at] === "*") {
      [star, resume] = [at, read];
      at += 1;
    } else if (pattern[at] === "?" || (pattern[at] !== undefined && pattern[at] === value[read])) {
      at += 1;
      read += 1;
    } else if (star !== -1) {
      at = star + 1;
      resume += 1;
      read = resume;
    } else {
      return false;
    }
  }
  return /^\**$/.test(pattern.slice(at));
}
