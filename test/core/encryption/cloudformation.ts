import assert from "node:assert/strict";

interface Resource {
  readonly Type: string;
  readonly Condition?: string;
  readonly DependsOn?: string;
  readonly Properties?: Record<string, unknown>;
}

export interface Stack {
  readonly AWSTemplateFormatVersion: string;
  readonly Parameters: Record<string, { Type: string; Default: string }>;
  readonly Conditions: Record<string, unknown>;
  readonly Resources: Record<string, Resource>;
  readonly Outputs: Record<string, { Value: unknown }>;
}

/** A template with its parameters: conditions decided, functions resolved as far as they go. */
export class Stacked {
  readonly #stack: Stack;
  readonly #parameters: Record<string, string>;

  constructor(stack: Stack, parameters: Record<string, string>) {
    this.#stack = stack;
    this.#parameters = parameters;
  }

  /** The properties of every resource that is made. */
  resources(): Record<string, Record<string, unknown>> {
    const made = Object.entries(this.#stack.Resources).filter(([name]) => this.#isMade(name));
    for (const [, { DependsOn }] of made) if (DependsOn !== undefined) this.#thing(DependsOn);
    for (const { Value } of Object.values(this.#stack.Outputs)) this.#resolve(Value);
    return Object.fromEntries(
      made.map(([name, { Properties = {} }]) => [name, this.#resolve(Properties) as Record<string, unknown>]),
    );
  }

  #isMade(name: string): boolean {
    const resource = this.#stack.Resources[name];
    if (resource === undefined) return false;
    return resource.Condition === undefined || this.#condition(resource.Condition);
  }

  #condition(name: string): boolean {
    const value = this.#stack.Conditions[name];
    assert.ok(value !== undefined, `there is no condition ${name}`);
    return this.#resolve(value) as boolean;
  }

  /** What a name stands for: a pseudo parameter, a parameter's value, or a resource. */
  #thing(name: string): string {
    if (/^AWS::(StackName|Partition|Region|AccountId)$/.test(name)) return name;
    const parameter = this.#parameters[name];
    if (parameter !== undefined && name in this.#stack.Parameters) return parameter;
    assert.ok(this.#isMade(name), `${name} is not there`);
    return `the ${name}`;
  }

  #resolve(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((item) => this.#resolve(item));
    if (typeof value !== "object" || value === null) return value;
    const [[key = "", operand] = [], ...others] = Object.entries(value);
    if (others.length === 0 && (key === "Ref" || key.startsWith("Fn::"))) return this.#call(key, operand);
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, this.#resolve(inner)]));
  }

  #call(name: string, operand: unknown): unknown {
    const operands = operand as unknown[];
    switch (name) {
      case "Ref":
        return this.#thing(operand as string);
      case "Fn::GetAtt":
        this.#thing(operands[0] as string);
        return operands.join(".");
      case "Fn::Sub":
        return (operand as string).replaceAll(/\$\{([^}.]+)(\.[^}]+)?\}/g, (_, thing: string) =>
          this.#thing(thing),
        );
      case "Fn::Equals":
        return this.#resolve(operands[0]) === this.#resolve(operands[1]);
      case "Fn::Not":
        return !this.#resolve(operands[0]);
      case "Fn::If":
        return this.#resolve(operands[this.#condition(operands[0] as string) ? 1 : 2]);
      default:
        return assert.fail(`${name} is no function that is known here`);
    }
  }
}
