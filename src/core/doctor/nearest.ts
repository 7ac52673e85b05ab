import leven from "leven";

/** More than so many letters that differ are another word. */
const MOST_EDITS = 3;

/** The known name that was most likely meant; undefined where none is near. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const most = Math.min(MOST_EDITS, Math.floor(name.length / 2));
  let best: { name: string; edits: number } | undefined;
  for (const candidate of known) {
    if (Math.abs(name.length - candidate.length) > most) continue;
    const edits = distance(name.toLowerCase(), candidate.toLowerCase(), most + 1);
    if (edits <= most && edits < (best?.edits ?? Number.POSITIVE_INFINITY)) best = { name: candidate, edits };
  }
  return best?.name;
}

/** Levenshtein's, but letters that changed places are one mistake. */
function distance(one: string, other: string, maxDistance: number): number {
  const sorted = (text: string) => [...text].sort().join("");
  return sorted(one) === sorted(other) && one !== other ? 1 : leven(one, other, { maxDistance });
}
