import type { Test } from "../support/authority.ts";

/** Measures with what a test uses, which is cleared away in the end. */
export async function clearingUp<T>(measure: (test: Test) => Promise<T>): Promise<T> {
  const cleanUps: (() => unknown)[] = [];
  try {
    return await measure({ after: (cleanUp) => void cleanUps.push(cleanUp) });
  } finally {
    for (const cleanUp of cleanUps) await cleanUp();
  }
}
