/** Whether an error is one of the system's, with this code. */
export function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && codes.includes((error as NodeJS.ErrnoException).code ?? "");
}

/** What the system says of an error, without its stack. */
export function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
