import { type Finding, note, ok, problem, skipped, warning } from "./checks.ts";

/** What the instance metadata service answered. */
export interface MetadataFacts {
  readonly disabled: boolean;
  /** The status that a token was answered with; undefined where nothing came. */
  readonly tokenStatus: number | undefined;
  /** The status of a value that was asked for without a token. */
  readonly plainStatus: number | undefined;
  readonly region: string | undefined;
}

/** What the instance metadata service's answers mean; `isNeeded` where nothing else names the region. */
export function metadataFindings(facts: MetadataFacts, isNeeded: boolean): Finding[] {
  const { disabled, tokenStatus, plainStatus, region } = facts;
  if (disabled) return [skipped("AWS_EC2_METADATA_DISABLED is set: it is not asked")];
  if (region !== undefined && tokenStatus === 200)
    return [ok(`it answers with a token (IMDSv2), region ${region}`)];
  if (tokenStatus === undefined && plainStatus === 401) {
    return [
      problem(
        "it is there and wants a token, but the answer with the token does not get through: its hop limit is too low, as for containers",
        "raise it: aws ec2 modify-instance-metadata-options --instance-id ID --http-put-response-hop-limit 2",
      ),
    ];
  }
  if (region !== undefined)
    return [
      warning(
        `it answers without a token only (IMDSv1), region ${region}`,
        "raise the hop limit to 2 for containers, or see what is in the way of PUT requests",
      ),
    ];
  if (tokenStatus === undefined && plainStatus === undefined) {
    const what = "it does not answer: this is no EC2 instance, or it is switched off or out of reach";
    return [
      isNeeded
        ? problem(
            what,
            "name the region with -o region=NAME, region in [mount] of efs-utils.conf, or AWS_REGION",
          )
        : note(what),
    ];
  }
  return [
    warning(
      `it answers with status ${plainStatus ?? tokenStatus}, and not with what this instance is`,
      "see what answers there in its place: a proxy, or a metadata service of a container platform",
    ),
  ];
}
