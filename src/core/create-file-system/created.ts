import type { FileSystem } from "../encryption/file-system.ts";
import type { CreationRequest } from "./request.ts";

/** What was made, or was there already for the same token. What is not known yet is not there. */
export interface Created {
  readonly fileSystem: string;
  readonly region: string;
  /** With it, the same request goes on where it ended. */
  readonly token: string;
  readonly name?: string;
  readonly encrypted?: boolean;
  readonly keyId?: string;
  readonly state?: string;
  readonly mountTargets: readonly CreatedMountTarget[];
  readonly accessPoint?: CreatedAccessPoint;
}

export interface CreatedMountTarget {
  readonly id: string;
  readonly subnet: string;
  readonly state: string;
  readonly address?: string;
  readonly zone?: string;
}

export interface CreatedAccessPoint {
  readonly id: string;
  readonly path: string;
  readonly state: string;
}

/** The AWS CLI's commands that take away what was made, in their order. */
export function removalCommands({ fileSystem, region, mountTargets, accessPoint }: Created): string[] {
  const aws = (command: string, option: string, id: string) =>
    `aws efs ${command} --region ${region} --${option} ${id}`;
  return [
    ...(accessPoint === undefined ? [] : [aws("delete-access-point", "access-point-id", accessPoint.id)]),
    ...mountTargets.map(({ id }) => aws("delete-mount-target", "mount-target-id", id)),
    aws("delete-file-system", "file-system-id", fileSystem),
  ];
}

/** What a life cycle state means for who waits (EFS API, LifeCycleState). */
export function readiness(state: string | undefined): "ready" | "coming" | "failed" {
  if (state === "available") return "ready";
  return state === undefined || state === "creating" || state === "updating" ? "coming" : "failed";
}

/**
 * How a file system's encryption differs from what was asked for, in words; undefined where it does not, as far as
 * that can be told: an alias may stand for any key.
 */
export function differenceOf(
  { encrypted, kmsKeyId }: Pick<CreationRequest, "encrypted" | "kmsKeyId">,
  found: Pick<FileSystem, "encrypted" | "keyId">,
): string | undefined {
  if (found.encrypted !== encrypted)
    return encrypted ? "is not encrypted at rest" : "is encrypted at rest, or does not say";
  if (kmsKeyId === undefined || found.keyId === undefined || /(^|:)alias\//.test(kmsKeyId)) return undefined;
  const isSame = found.keyId === kmsKeyId || found.keyId.endsWith(`/${kmsKeyId}`);
  return isSame ? undefined : `is encrypted with ${found.keyId}`;
}
