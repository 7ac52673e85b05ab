import type { TestContext } from "node:test";

const TIMES = 40;

/**
 * For a test in which nobody answers: limits are over sooner than they say. Only what ends a wait is hurried,
 * no clock.
 */
export function hurry(test: TestContext): void {
  const { setTimeout } = globalThis;
  const timeout = AbortSignal.timeout.bind(AbortSignal);
  const sooner = (act: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) =>
    setTimeout(act, ms / TIMES, ...args);
  test.mock.method(globalThis, "setTimeout", sooner as never);
  test.mock.method(AbortSignal, "timeout", (ms: number) => timeout(Math.ceil(ms / TIMES)));
}
