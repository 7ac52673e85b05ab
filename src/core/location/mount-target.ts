import { isIP } from "node:net";

/** A mount target as the EFS API describes it (DescribeMountTargets). */
export interface MountTarget {
  readonly id: string;
  /** IPv4 and IPv6, as far as it has them. */
  readonly addresses: readonly string[];
  readonly isAvailable: boolean;
  readonly lifeCycleState: string;
  readonly zoneName: string | undefined;
  readonly zoneId: string | undefined;
}

/**
 * An IP address as the API gives it, or undefined: it becomes a line of stunnel's configuration and an argument of
 * mount.nfs4, where a line end or an option would be more than an address.
 */
export function ipAddress(text: string | undefined): string | undefined {
  // a zone (fe80::1%eth0) may hold anything
  return text !== undefined && isIP(text) !== 0 && !text.includes("%") ? text : undefined;
}

/** The mount targets in an answer of DescribeMountTargets; whatever is in it that cannot be is left out. */
export function mountTargetsIn(answer: unknown): MountTarget[] {
  const listed: unknown = (answer as { MountTargets?: unknown } | null | undefined)?.MountTargets;
  return (Array.isArray(listed) ? listed : []).map((target: Record<string, unknown> | null) => ({
    id: word(target?.MountTargetId) ?? "a mount target",
    addresses: [target?.IpAddress, target?.Ipv6Address].flatMap((address) => ipAddress(word(address)) ?? []),
    isAvailable: target?.LifeCycleState === "available",
    lifeCycleState: word(target?.LifeCycleState) ?? "in an unknown state",
    zoneName: word(target?.AvailabilityZoneName),
    zoneId: word(target?.AvailabilityZoneId),
  }));
}

/** The id of the first zone in an answer of DescribeAvailabilityZones. */
export function zoneIdIn(answer: unknown): string | undefined {
  const listed: unknown = (answer as { AvailabilityZones?: unknown } | null | undefined)?.AvailabilityZones;
  return word((Array.isArray(listed) ? listed[0] : undefined)?.ZoneId);
}

/** Ids, names of zones and states are words, and so are addresses. */
function word(value: unknown): string | undefined {
  return typeof value === "string" && /^[\w.:-]{1,100}$/.test(value) ? value : undefined;
}

/** The zone a mount target should be in. */
export interface WantedZone {
  readonly name: string | undefined;
  readonly id: string | undefined;
  /** Whether the user asked for it, so that another one will not do. */
  readonly isRequired: boolean;
}

export type TargetChoice =
  | { readonly kind: "chosen"; readonly target: MountTarget }
  | { readonly kind: "no-targets" }
  | { readonly kind: "none-in-zone"; readonly zones: readonly string[] }
  | { readonly kind: "none-available"; readonly states: readonly string[] };

/** An available mount target in the wanted zone; in any zone where none is required. */
export function chooseMountTarget(targets: readonly MountTarget[], wanted: WantedZone): TargetChoice {
  if (targets.length === 0) return { kind: "no-targets" };
  const inZone = targets.filter((target) => isIn(target, wanted));
  const zones = targets.map(({ zoneName, zoneId }) => {
    const [told, otherwise] = wanted.name === undefined ? [zoneId, zoneName] : [zoneName, zoneId];
    return told ?? otherwise ?? "an unknown zone";
  });
  if (wanted.isRequired && inZone.length === 0) return { kind: "none-in-zone", zones };
  const target = [...inZone, ...(wanted.isRequired ? [] : targets)].find(({ isAvailable }) => isAvailable);
  if (target !== undefined) return { kind: "chosen", target };
  const considered = wanted.isRequired ? inZone : targets;
  return {
    kind: "none-available",
    states: considered.map(({ id, lifeCycleState }) => `${id} is ${lifeCycleState}`),
  };
}

/** By id where both are known: names of zones differ from account to account. */
export function isIn({ zoneName, zoneId }: MountTarget, { name, id }: WantedZone): boolean {
  if (id !== undefined && zoneId !== undefined) return id === zoneId;
  return name !== undefined && name === zoneName;
}
