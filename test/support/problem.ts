import assert from "node:assert/strict";
import { EfsError, oneLine } from "../../src/core/errors.ts";

/** The error that something ends with, which must be one of ours and fit for one line; undefined where it does not. */
export function problemOf(act: () => unknown): EfsError | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    assert.ok(error instanceof EfsError, error instanceof Error ? error.stack : String(error));
    assert.doesNotMatch(oneLine(error), /[\u0000-\u001f\u007f-\u009f]/);
    return error;
  }
}

/** Fails unless something ends with an error of this kind whose line says all of this. */
export function assertProblem(
  act: () => unknown,
  kind: EfsError["kind"],
  ...says: (string | RegExp)[]
): void {
  const problem = problemOf(act);
  assert.ok(problem !== undefined, "it is no problem");
  assert.equal(problem.kind, kind, oneLine(problem));
  for (const part of says) {
    const found = typeof part === "string" ? oneLine(problem).includes(part) : part.test(oneLine(problem));
    assert.ok(found, `${oneLine(problem)} does not say ${part}`);
  }
}
