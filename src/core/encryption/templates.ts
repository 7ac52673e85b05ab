import cloudformation from "../../../config/templates/cloudformation.json" with { type: "json" };
import fileSystemPolicy from "../../../config/templates/file-system-policy.json" with { type: "json" };
import iam from "../../../config/templates/iam.json" with { type: "json" };
import scp from "../../../config/templates/scp.json" with { type: "json" };

/** Documents that make AWS enforce encryption, or tell where it is missing. */
export const TEMPLATES = {
  /**
   * Tells of file systems created without encryption at rest, in any region of an account: CloudTrail writes to a log
   * group, a metric filter counts, an alarm tells a topic. A creation that failed has no answer, and FSx has a
   * CreateFileSystem too (CloudWatch Logs, "Filter pattern syntax").
   */
  cloudformation: {
    what: "CloudFormation: an alarm for unencrypted creation",
    document: cloudformation,
  },
  /** A denial is stronger than whatever another policy allows; it is one too where a request does not say. */
  iam: {
    what: "IAM policy: may create encrypted file systems only",
    document: iam,
  },
  scp: {
    what: "service control policy: no account creates others",
    document: scp,
  },
  /**
   * A file system without a policy lets in every client that reaches it; one with a policy lets in those that the
   * policy, or their own, allows. So the clients are allowed in again, through mount targets only, and those
   * without TLS are denied.
   */
  "file-system-policy": {
    what: "for one file system: clients without TLS are denied",
    document: fileSystemPolicy,
  },
} as const;

export type TemplateName = keyof typeof TEMPLATES;
