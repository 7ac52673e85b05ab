import vm from "node:vm";
import type { Coverage } from "./coverage.ts";

/** A parser of outside input. */
export interface Target {
  readonly name: string;
  /** Well-formed inputs to start from. */
  readonly seeds: readonly string[];
  /** Parts that a parser failed on or took too long for when they were repeated, with what is around them. */
  readonly long?: readonly (readonly [head: string, part: string, tail: string])[];
  /** Throws if the parser breaks one of its promises on this input. */
  run(input: Buffer): void;
}

export interface Plan {
  readonly seed: number;
  /** The run ends after this many inputs, or after this many seconds, whichever comes first. */
  readonly inputs: number;
  readonly seconds: number;
}

export interface Failure {
  readonly input: Buffer;
  readonly error: unknown;
}

export interface Outcome {
  readonly tried: number;
  /** Inputs that reached code, or repeated it as often, as none before them. */
  readonly kept: readonly Buffer[];
  readonly failure: Failure | undefined;
}

const MAX_INPUT = 4096;
/** Some inputs are stretched to this size. Linear parsers take milliseconds for it, quadratic ones over LIMIT_MS. */
export const STRETCHED = 256 * 1024;
const BATCH = 100;
/** For one batch or one stretched input: only a parser that takes more than linear time needs it. */
const LIMIT_MS = 10_000;
/** Fragments that parsers tend to get wrong. */
const WORDS =
  '__proto__ constructor prototype null true -1 0 65535 65536 1e999 NaN \\040 ../ / = , : " [ ] { }'.split(
    " ",
  );
const BYTES = ["\n", "\r", "\0", "\t", " ", "\u001b", "\u0085", "\u2028", "\ufeff", "\ud83d\ude00", "\xff"];

/** Mutates inputs at random and keeps those that reach new code, until the plan or an input ends it. */
export function fuzz(target: Target, known: readonly Buffer[], coverage: Coverage, plan: Plan): Outcome {
  const random = randomNumbers(plan.seed);
  const seeds = target.seeds.map((text) => Buffer.from(text, "latin1"));
  const pool = [...seeds, ...known];
  const words = [...WORDS, ...BYTES, ...target.seeds.flatMap((seed) => seed.match(/\w+|\W/g) ?? [])].map(
    (word) => Buffer.from(word),
  );
  const kept: Buffer[] = [];
  const end = performance.now() + plan.seconds * 1000;
  coverage.reset();
  const state = { tried: 0, current: Buffer.alloc(0) as Buffer };
  const attempt = (input: Buffer) => {
    state.current = input;
    state.tried += 1;
    target.run(input);
    return coverage.isNew();
  };
  const next = () => {
    const input = state.tried < pool.length ? pool[state.tried] : mutate(pool, words, random);
    if (input === undefined || !attempt(input)) return undefined;
    if (!pool.includes(input)) {
      pool.push(input);
      kept.push(input);
    }
    return input;
  };
  try {
    while (state.tried < plan.inputs && performance.now() < end) {
      const found = limited(() => Array.from({ length: BATCH }, next).filter((input) => input !== undefined));
      for (const input of found.slice(0, 5)) limited(() => attempt(stretch(input, random)));
    }
    return { tried: state.tried, kept, failure: undefined };
  } catch (error) {
    return { tried: state.tried, kept, failure: { input: shrink(target, state.current, error), error } };
  }
}

/** Runs what may never end: node's own timer would wait for it, V8's does not, and ends regular expressions too. */
export function limited<T>(action: () => T): T {
  const holder = globalThis as { fuzzed?: () => T };
  holder.fuzzed = action;
  return vm.runInThisContext("globalThis.fuzzed()", { timeout: LIMIT_MS });
}

/** mulberry32: numbers from 0 up to a bound, the same ones for the same seed. */
function randomNumbers(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}

type Random = ReturnType<typeof randomNumbers>;

function mutate(pool: readonly Buffer[], words: readonly Buffer[], random: Random): Buffer {
  const one = <T>(list: readonly T[]) => list[random(list.length)] as T;
  let input = one(pool);
  for (let rounds = 1 + random(4); rounds > 0; rounds -= 1) {
    const start = random(input.length + 1);
    const end = Math.min(input.length, start + random(random(4) === 0 ? input.length + 1 : 8));
    const [head, cut, tail] = [input.subarray(0, start), input.subarray(start, end), input.subarray(end)];
    const other = one(pool);
    const middle = [
      () => [],
      () => [Buffer.from([random(256)])],
      () => [one(words)],
      () => [cut, one(words)],
      () => [cut, cut],
      () => [other.subarray(random(other.length + 1))],
      () => Array.from({ length: 1 << random(8) }, () => cut),
    ];
    input = Buffer.concat([head, ...one(middle)(), tail]).subarray(0, MAX_INPUT);
  }
  return input;
}

/** An input with a part of it, often a single byte, repeated many times. */
function stretch(input: Buffer, random: Random): Buffer {
  const start = random(input.length);
  const part = input.subarray(start, start + 1 + (random(2) === 0 ? 0 : random(12)));
  if (part.length === 0) return input;
  const times = Math.floor(STRETCHED / part.length);
  return Buffer.concat([input.subarray(0, start), ...Array(times).fill(part), input.subarray(start)]);
}

/** The smallest input found that fails in the same way; one that takes too long stays as it is. */
function shrink(target: Target, input: Buffer, error: unknown): Buffer {
  const kind = (caught: unknown) =>
    caught instanceof Error ? `${caught.name}:${caught.stack?.split("\n    at ")[1]}` : "";
  if (input.length > MAX_INPUT) return input;
  const fails = (shorter: Buffer) => {
    try {
      limited(() => target.run(shorter));
      return false;
    } catch (caught) {
      return kind(caught) === kind(error);
    }
  };
  for (let size = input.length >> 1; size > 0; size >>= 1) {
    for (let at = 0; at + size <= input.length; ) {
      const shorter = Buffer.concat([input.subarray(0, at), input.subarray(at + size)]);
      if (fails(shorter)) input = shorter;
      else at += size;
    }
  }
  return input;
}
