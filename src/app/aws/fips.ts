import type { Settings } from "../../core/config/keys.ts";
import { isKernelInFipsMode } from "../../system/fips.ts";

/** FIPS 140 mode: by configuration, by the AWS SDKs' variable, or because the kernel is in it. */
export function usesFips(
  settings: Settings,
  environment: Readonly<Record<string, string | undefined>>,
  isKernelSo: () => boolean = isKernelInFipsMode,
): boolean {
  const asked = settings.fips_mode_enabled || /^true$/i.test(environment.AWS_USE_FIPS_ENDPOINT ?? "");
  return asked || isKernelSo();
}
