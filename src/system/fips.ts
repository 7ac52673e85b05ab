import { readIfThere } from "./files.ts";

/** Whether the kernel is in FIPS mode, in which programs must be too. */
export function isKernelInFipsMode(): boolean {
  return readIfThere("/proc/sys/crypto/fips_enabled")?.trim() === "1";
}
