/**
 * Where credentials came from, as the state file records it (`awsCredentialsMethod`), so that the watchdog
 * can fetch fresh ones from there.
 */
export type CredentialSource =
  /** Keys of a profile in ~/.aws/credentials. */
  | { readonly kind: "credentials"; readonly profile: string }
  /** Keys of a profile in ~/.aws/config. */
  | { readonly kind: "config"; readonly profile: string }
  /** A profile that tells how to get keys, by a role for instance. */
  | { readonly kind: "named_profile"; readonly profile: string }
  /** The ECS agent, by the task's path. */
  | { readonly kind: "ecs"; readonly path: string }
  | { readonly kind: "podidentity"; readonly url: string; readonly tokenFile: string }
  | { readonly kind: "webidentity"; readonly roleArn: string; readonly tokenFile: string }
  /** The instance's role. */
  | { readonly kind: "metadata" };

export function formatSource(source: CredentialSource): string {
  switch (source.kind) {
    case "credentials":
    case "config":
    case "named_profile":
      return `${source.kind}:${source.profile}`;
    case "ecs":
      return `ecs:${source.path}`;
    case "podidentity":
      return `podidentity:${source.url},${source.tokenFile}`;
    case "webidentity":
      return `webidentity:${source.roleArn},${source.tokenFile}`;
    case "metadata":
      return "metadata:";
  }
}

/** Reads what `formatSource` writes; undefined for anything else. */
export function parseSource(text: string): CredentialSource | undefined {
  const colon = text.indexOf(":");
  if (colon === -1) return undefined;
  const [kind, value] = [text.slice(0, colon), text.slice(colon + 1)];
  const [first, tokenFile] = pair(value);
  switch (kind) {
    case "credentials":
    case "config":
    case "named_profile":
      return value === "" ? undefined : { kind, profile: value };
    case "ecs":
      return value.startsWith("/") ? { kind, path: value } : undefined;
    case "podidentity":
      return first && tokenFile ? { kind, url: first, tokenFile } : undefined;
    case "webidentity":
      return first && tokenFile ? { kind, roleArn: first, tokenFile } : undefined;
    case "metadata":
      return value === "" ? { kind } : undefined;
    default:
      return undefined;
  }
}

/** What stands before and behind the comma: names of roles and paths may hold commas, but paths begin with /. */
function pair(text: string): readonly [string, string] | readonly [] {
  const beforePath = text.indexOf(",/", 1);
  const comma = beforePath === -1 ? text.lastIndexOf(",") : beforePath;
  return comma > 0 && comma < text.length - 1 ? [text.slice(0, comma), text.slice(comma + 1)] : [];
}

/** The source in a reader's words. */
export function describeSource(source: CredentialSource): string {
  switch (source.kind) {
    case "credentials":
      return `profile ${source.profile} of ~/.aws/credentials`;
    case "config":
      return `profile ${source.profile} of ~/.aws/config`;
    case "named_profile":
      return `what profile ${source.profile} refers to`;
    case "ecs":
      return `the ECS agent (${source.path})`;
    case "podidentity":
      return "EKS pod identity";
    case "webidentity":
      return `the role ${source.roleArn} by web identity`;
    case "metadata":
      return "the role of this instance";
  }
}
