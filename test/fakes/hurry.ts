import type { TestContext } from "node:test";

const TIMES = 40;

/**
 * For a test in which nobody answers: limits are over sooner than they say. Only what ends a wait is hurried,
 * no clock.
 *
 * @param longestMs what is longer takes as long as it says
 */
export function hurry(test: TestContext, longestMs = Number.POSITIVE_INFINITY): void {
  const { setTimeout } = globalThis;
  const timeout = AbortSignal.timeout.bind(AbortSignal);
  const hurried = (ms: number) => (ms > longestMs ? ms : ms / TIMES);
  const sooner = (act: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) =>
    setTimeout(act, hurried(ms), ...args);
  test.mock.method(globalThis, "setTimeout", sooner as never);
  test.mock.method(AbortSignal, "timeout", (ms: number) => timeout(Math.ceil(hurried(ms))));
}
