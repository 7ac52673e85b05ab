const LONGEST = 200;

/**
 * What a service of AWS, or the SDK, says of a failure, as far as it is fit for a message. Services repeat what
 * they were sent behind the first line, tokens among it.
 */
export function saidOf(error: unknown): string {
  const { message, code, name } = (error ?? {}) as { message?: string; code?: string; name?: string };
  const [line = ""] = (message || code || name || String(error)).trim().split(/[\r\n]/);
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}...` : line;
}
