import { styleText } from "node:util";

/** The colours and weights that a text of ours can have on a terminal. */
export type Tone = "good" | "bad" | "doubtful" | "strong" | "quiet";

const FORMATS = { good: "green", bad: "red", doubtful: "yellow", strong: "bold", quiet: "dim" } as const;

/** Gives a text its tone, or leaves it as it is where there are no colours. */
export type Paint = (tone: Tone, text: string) => string;

/** The paint of a terminal that has colours, or of anything else. */
export function paintFor(hasColours: boolean): Paint {
  return hasColours ? (tone, text) => styleText(FORMATS[tone], text) : (_, text) => text;
}
