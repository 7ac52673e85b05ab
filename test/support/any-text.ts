import fc from "fast-check";

const SURROGATES_FROM = 0xd800;
const SURROGATES = 0x800;

/**
 * Every character that there is. fc's own unit "binary" is the same, but makes a table of them all, which costs a test
 * file more than all its runs.
 */
const character = fc
  .nat(0x10ffff - SURROGATES)
  .map((index) => String.fromCodePoint(index < SURROGATES_FROM ? index : index + SURROGATES), indexOf);

function indexOf(value: unknown): number {
  const codePoint = typeof value === "string" ? value.codePointAt(0) : undefined;
  // half a pair is no character
  if (codePoint === undefined || String.fromCodePoint(codePoint) !== value || /\p{Cs}/u.test(value)) {
    throw new TypeError("no character");
  }
  return codePoint < SURROGATES_FROM ? codePoint : codePoint - SURROGATES;
}

/** Text of any characters, control characters too. */
export const anyText = (length: fc.StringSharedConstraints = {}) => fc.string({ ...length, unit: character });
