/** Which EC2 instance this is, and where it is; a missing field is undefined. */
export interface InstanceIdentity {
  readonly instanceId: string | undefined;
  readonly region: string | undefined;
  readonly availabilityZone: string | undefined;
}

/** Names of instances, regions and zones are plain words; anything else is not from EC2. */
const NAME = /^[A-Za-z0-9-]{1,63}$/;

/** Reads the metadata service's instance identity document; undefined if it is not a JSON object. */
export function parseInstanceIdentity(text: string): InstanceIdentity | undefined {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof document !== "object" || document === null) return undefined;
  const { instanceId, region, availabilityZone } = document as Record<string, unknown>;
  const name = (value: unknown) => (typeof value === "string" && NAME.test(value) ? value : undefined);
  return { instanceId: name(instanceId), region: name(region), availabilityZone: name(availabilityZone) };
}
