import { type Look, note, ok, skipped } from "../../core/doctor/checks.ts";
import { FAILURES, type FailureId, recentFailures } from "../../core/doctor/explain.ts";
import { hasCode, reason } from "../../system/errno.ts";
import { readLog } from "../logs/read.ts";
import type { Examination } from "./examination.ts";

const DAY_MS = 86_400_000;
const MOST = 5;

function explanation(failure: FailureId): string {
  const { heading, cause } = FAILURES[failure];
  return `${cause}; see "${heading}" in the runbook`;
}

/** The mounts that failed of late, each with the heading of the runbook that it belongs to. */
export async function failuresCheck({ context }: Examination): Promise<Look> {
  const looked = `${context.paths.logDirectory}/mount.log, the last 24 hours`;
  try {
    const { entries } = readLog(`${context.paths.logDirectory}/mount.log`, "mount");
    const failures = recentFailures(entries, Date.now() - DAY_MS, MOST);
    const findings = failures.map(({ time, message, failure }) =>
      note(
        `${new Date(time).toISOString().slice(0, 16).replace("T", " ")} UTC: ${message}`,
        failure === undefined ? "see the message" : explanation(failure),
      ),
    );
    return {
      looked,
      findings: findings.length > 0 ? findings : [ok("no mount failed that did not succeed since")],
    };
  } catch (error) {
    return {
      looked,
      findings: [
        hasCode(error, "ENOENT") ? ok("there is no log yet") : skipped(`it cannot be read: ${reason(error)}`),
      ],
    };
  }
}
