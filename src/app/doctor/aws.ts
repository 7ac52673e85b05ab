import { type Look, note, ok, problem, skipped } from "../../core/doctor/checks.ts";
import { EfsError } from "../../core/errors.ts";
import { describeSource } from "../../core/identity/source.ts";
import type { IamRequest, MountRequest } from "../../core/request/request.ts";
import { quietSdk } from "../../system/aws-sdk.ts";
import { apiCaller } from "../aws/caller.ts";
import { clientSettings, withinLimit } from "../aws/client.ts";
import { type FoundCredentials, findCredentials } from "../aws/credentials.ts";
import { saidOf } from "../aws/failure.ts";
import { describeFileSystem } from "../aws/file-systems.ts";
import { usesFips } from "../aws/fips.ts";
import type { Examination } from "./examination.ts";
import { NO_DEVICE } from "./place.ts";

/** Where credentials come from where a mount does not say. */
const ANY_SOURCE: IamRequest = { profile: undefined, credentialsUri: undefined, webIdentity: undefined };

export async function credentialsCheck(examination: Examination): Promise<Look> {
  const { request, environment } = examination.context;
  const asked = request?.security.kind === "tls" ? request.security.iam : undefined;
  const looked = asked === undefined ? "what a mount with iam would use" : "what the mount's options name";
  const region = (await examination.region().catch(() => undefined))?.region;
  if (region === undefined) return { looked, findings: [skipped("the region is not known")] };
  let found: FoundCredentials;
  try {
    found = await findCredentials(asked ?? ANY_SOURCE, {
      environment,
      region,
      metadata: examination.metadata,
    });
  } catch (error) {
    if (!(error instanceof EfsError)) throw error;
    const { message, hint = "" } = error;
    return {
      looked,
      findings: [asked === undefined ? note(`there are none: ${message}`) : problem(message, hint)],
    };
  }
  const from = `from ${describeSource(found.source)}`;
  try {
    return {
      looked,
      findings: [ok(`${await whose(found, region, usesFips(examination.settings(), environment))}, ${from}`)],
    };
  } catch (error) {
    const what = `there are some, ${from}, but STS does not tell whose: ${saidOf(error)}`;
    const isRefused = /InvalidClientTokenId|ExpiredToken|SignatureDoesNotMatch|AccessDenied/.test(
      (error as Error).name,
    );
    return {
      looked,
      findings: [
        isRefused
          ? problem(what, "correct or renew them, and check this machine's clock")
          : note(what, "a mount does not need STS for this; check the way to it if you want to know"),
      ],
    };
  }
}

/** The ARN of an identity (sts:GetCallerIdentity, which everybody may call). */
async function whose({ credentials }: FoundCredentials, region: string, fips: boolean): Promise<string> {
  quietSdk();
  const { GetCallerIdentityCommand, STSClient } = await import("../../lazy/aws-sts.ts");
  const { sessionToken, ...keys } = credentials;
  const client = new STSClient({
    ...clientSettings({ region: region as never, profile: undefined, fips }),
    credentials: { ...keys, ...(sessionToken !== undefined && { sessionToken }) },
  });
  try {
    const { Arn } = await withinLimit(client.send(new GetCallerIdentityCommand({})));
    return Arn ?? "somebody whom STS does not name";
  } finally {
    client.destroy();
  }
}

export async function efsApiCheck(examination: Examination): Promise<Look> {
  const { request, environment } = examination.context;
  if (request === undefined) return NO_DEVICE;
  const { region } = await examination.region();
  const fsId = await idOf(examination, request);
  const looked = `elasticfilesystem:DescribeFileSystems in ${region}`;
  if (fsId === undefined)
    return { looked, findings: [skipped("the name does not tell the file system's id")] };
  const settings = examination.settings(region);
  const caller = apiCaller(request, region, settings, { environment, metadata: examination.metadata });
  try {
    const { encrypted } = await describeFileSystem(fsId, caller);
    const atRest =
      encrypted === undefined
        ? ""
        : encrypted
          ? ", which is encrypted at rest"
          : ", which is not encrypted at rest";
    return { looked, findings: [ok(`it tells of ${fsId}${atRest}`)] };
  } catch (error) {
    if (!(error instanceof EfsError)) throw error;
    const { message, hint = "" } = error;
    const finding = settings.require_encryption_at_rest
      ? problem(message, hint)
      : note(`${message}; a mount needs it only where the name does not resolve`, hint);
    return { looked, findings: [finding] };
  }
}

async function idOf(examination: Examination, request: MountRequest) {
  if (request.device.kind === "id") return request.device.fsId;
  return (await examination.target(request).catch(() => undefined))?.fsId;
}
