import {
  CHECKS,
  type CheckId,
  type CheckReport,
  type Look,
  problem,
  skipped,
} from "../../core/doctor/checks.ts";
import { EfsError } from "../../core/errors.ts";
import { tunnelAccessCheck } from "./access.ts";
import { credentialsCheck, efsApiCheck } from "./aws.ts";
import { bootCheck, fstabCheck } from "./boot.ts";
import { authoritiesCheck, configurationCheck, fipsCheck } from "./configuration.ts";
import { type DoctorContext, Examination } from "./examination.ts";
import { failuresCheck } from "./failures.ts";
import {
  installationCheck,
  kernelCheck,
  mountNfsCheck,
  stunnelCheck,
  stunnelFeaturesCheck,
} from "./machine.ts";
import { clockCheck, metadataCheck, nameCheck, portCheck, REGION_PLACES, regionCheck } from "./place.ts";
import { ocspCheck, tlsCheck } from "./server.ts";
import { portsCheck, stateCheck, watchdogCheck } from "./state.ts";

/** Looks at one thing. Throws EfsError where what it looks at is wrong in a way that a mount would tell of. */
export type Check = (examination: Examination, signal: AbortSignal) => Promise<Look>;

const LOOKS: Readonly<Record<CheckId, Check>> = {
  installation: installationCheck,
  "kernel-nfs-client": kernelCheck,
  "mount-nfs4": mountNfsCheck,
  stunnel: stunnelCheck,
  "stunnel-features": stunnelFeaturesCheck,
  fips: fipsCheck,
  configuration: configurationCheck,
  authorities: authoritiesCheck,
  metadata: metadataCheck,
  region: regionCheck,
  clock: clockCheck,
  name: nameCheck,
  "port-2049": portCheck,
  "tls-handshake": tlsCheck,
  "ocsp-responder": ocspCheck,
  credentials: credentialsCheck,
  "efs-api": efsApiCheck,
  "local-ports": portsCheck,
  "tunnel-access": tunnelAccessCheck,
  "state-directory": stateCheck,
  watchdog: watchdogCheck,
  fstab: fstabCheck,
  boot: bootCheck,
  failures: failuresCheck,
};

/** What is looked at where a check throws before it can say so. */
const PLACES: Partial<Record<CheckId, string>> = {
  stunnel: "stunnel in the usual directories and PATH",
  "stunnel-features": "stunnel -help",
  region: REGION_PLACES,
  name: "the device, the resolver, /etc/hosts",
  "port-2049": "what the device's name leads to",
  "tls-handshake": "what the device's name leads to",
  "ocsp-responder": "what the device's name leads to",
};

/** What a check may take; each of its waits has a shorter end of its own. */
const CHECK_LIMIT_MS = 45_000;

/**
 * Looks at everything in turn. Changes nothing that stays, also where the signal is aborted in the middle.
 *
 * @param begun called before each look
 * @param done called with what came of it
 * @throws the signal's reason when it is aborted
 */
export async function examine(
  context: DoctorContext,
  begun: (title: string) => void,
  done: (report: CheckReport) => void,
  signal = new AbortController().signal,
): Promise<CheckReport[]> {
  const examination = new Examination(context);
  const reports: CheckReport[] = [];
  try {
    for (const id of Object.keys(CHECKS) as CheckId[]) {
      begun(CHECKS[id]);
      const report = { id, title: CHECKS[id], ...(await withinLimit(id, examination, signal)) };
      signal.throwIfAborted();
      reports.push(report);
      done(report);
    }
    return reports;
  } finally {
    examination.network.leave();
  }
}

/** What one check comes to. One that is given up undoes what it has made before this returns, or soon after. */
async function withinLimit(id: CheckId, examination: Examination, signal: AbortSignal): Promise<Look> {
  const over = new EfsError("system", `it was not done within ${CHECK_LIMIT_MS / 1000} s`, {
    hint: "see what it waits for; the other checks go on",
  });
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      controller.abort(over);
      reject(over);
    }, CHECK_LIMIT_MS);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true, signal: controller.signal });
  });
  try {
    const ended = AbortSignal.any([signal, controller.signal]);
    return await Promise.race([LOOKS[id](examination, ended), limit]);
  } catch (error) {
    return failed(error, PLACES[id] ?? "");
  } finally {
    clearTimeout(timer);
    // nobody listens any more
    controller.abort();
  }
}

/** What a check that throws has found: what a mount would say. */
function failed(error: unknown, looked: string): Look {
  if (!(error instanceof EfsError)) {
    const said = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return {
      looked,
      findings: [skipped(`it could not be looked at, which is a defect of the doctor: ${said}`)],
    };
  }
  return { looked, findings: [problem(error.message, error.hint ?? "see docs/runbook.md")] };
}
