/** An image's recipe (Containerfile), as far as ours goes: whatever else is in one is an error that names it. */

export type Instruction =
  | { readonly kind: "from"; readonly image: string }
  | {
      readonly kind: "copy";
      readonly sources: readonly string[];
      readonly target: string;
      readonly mode: number | undefined;
    }
  | { readonly kind: "run"; readonly script: string }
  | { readonly kind: "volume"; readonly paths: readonly string[] }
  | { readonly kind: "entrypoint"; readonly words: readonly string[] };

const READERS: Readonly<Record<string, (rest: string) => Instruction>> = {
  FROM: (rest) => ({ kind: "from", image: only(plain(rest)) }),
  COPY: copy,
  RUN: (script) => (/^(--|\[)|<</.test(script) ? unknown() : { kind: "run", script }),
  VOLUME: (rest) => ({ kind: "volume", paths: list(rest) }),
  ENTRYPOINT: (rest) => ({ kind: "entrypoint", words: list(rest) }),
};

/**
 * The instructions of a recipe.
 *
 * @throws Error naming the line that is not understood here
 */
export function parseRecipe(text: string): Instruction[] {
  const directive = /^#\s*\w+\s*=.*/.exec(text);
  if (directive) throw new Error(`${directive[0]} changes how a recipe is read`);
  return text
    .replace(/^\s*#.*\n/gm, "")
    .replaceAll(/\\[ \t]*\n/g, "")
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const [, name = "", rest = ""] = /^\s*(\S+)\s*(.*?)\s*$/.exec(line) ?? [];
      try {
        return (READERS[name] ?? unknown)(rest);
      } catch (cause) {
        throw new Error(`there is no way here to carry out: ${line}`, { cause });
      }
    });
}

function copy(rest: string): Instruction {
  const words = plain(rest);
  const flags = words.filter((word) => word.startsWith("--"));
  const modes = flags.map((flag) => /^--chmod=([0-7]{3,4})$/.exec(flag)?.[1] ?? unknown());
  const paths = words.slice(flags.length);
  const [sources, target] = [paths.slice(0, -1), paths.at(-1) ?? ""];
  if (sources.length === 0 || !target.startsWith("/")) unknown();
  const mode = modes.map((octal) => Number.parseInt(octal, 8)).at(-1);
  return { kind: "copy", sources, target, mode };
}

/** Words without quotes, variables and lists. */
function plain(rest: string): string[] {
  return /["'$[\\]/.test(rest) ? unknown() : rest.split(/\s+/);
}

function only(words: readonly string[]): string {
  const [word = "", ...others] = words;
  return others.length === 0 ? word : unknown();
}

function list(rest: string): string[] {
  const words: unknown = JSON.parse(rest);
  if (!Array.isArray(words)) return unknown();
  return words.map((word) => (typeof word === "string" && !word.includes("$") ? word : unknown()));
}

function unknown(): never {
  throw new Error("this is not understood");
}
