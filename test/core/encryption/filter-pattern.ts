/** CloudWatch Logs' filter patterns for JSON, as far as ours uses them: compares, IS, NOT EXISTS, && and ||. */
export function selects(pattern: string, event: unknown): boolean {
  const tokens = pattern.match(/"[^"]*"|\$[.\w]+|&&|\|\||[(){}]|!=|=|\w+/g) ?? [];
  let at = 0;
  const next = () => tokens[at++] ?? "";
  const expect = (wanted: string) => {
    const found = next();
    if (found !== wanted) throw new Error(`${found || "the end"} where ${wanted} should be`);
  };
  const either = (): boolean => {
    let value = both();
    while (tokens[at] === "||") {
      next();
      const other = both();
      value = value || other;
    }
    return value;
  };
  const both = (): boolean => {
    let value = term();
    while (tokens[at] === "&&") {
      next();
      const other = term();
      value = value && other;
    }
    return value;
  };
  const term = (): boolean => {
    if (tokens[at] === "(") {
      next();
      const value = either();
      expect(")");
      return value;
    }
    const found = pick(next(), event);
    const operator = next();
    if (operator === "NOT") {
      expect("EXISTS");
      return found === undefined;
    }
    const operand = next();
    if (operator === "IS") return found === { TRUE: true, FALSE: false, NULL: null }[operand];
    if (operator !== "=" && operator !== "!=") throw new Error(`${operator} is no operator`);
    return (found === operand.replaceAll('"', "")) === (operator === "=");
  };
  expect("{");
  const value = either();
  expect("}");
  if (at !== tokens.length) throw new Error(`${tokens[at]} behind the end`);
  return value;
}

function pick(selector: string, event: unknown): unknown {
  const [root, ...keys] = selector.split(".");
  if (root !== "$" || keys.length === 0) throw new Error(`${selector} is no selector`);
  return keys.reduce<unknown>(
    (value, key) => (value as Record<string, unknown> | null | undefined)?.[key],
    event,
  );
}
