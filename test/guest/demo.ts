/**
 * The main job, on a real kernel, step by step: `npm run demo`. Ends with status 0 only if all of it
 * happened.
 */
import { type BootOptions, bootGuest, GuestFailure } from "./boot.ts";
import { bundle } from "./run-scenarios.ts";

const begin = performance.now();
console.log("A guest with a kernel of its own boots: a real NFS client, a real NFS server behind TLS.\n");
const options: BootOptions = {
  name: "demo",
  program: await bundle('import "./demo/program.ts";'),
  files: { "writer.mjs": await bundle('import "./runner/writer-program.ts";') },
  timeoutMs: 180_000,
  onLine: (line) => {
    if (!/^(guest: |reboot: )/.test(line)) console.log(line);
  },
};
try {
  const { status, results } = await bootGuest(options);
  const seconds = ((performance.now() - begin) / 1000).toFixed(1);
  console.log(status === 0 ? `\nAll of it happened, in ${seconds} s.` : `\nIt failed. Logs: ${results}`);
  process.exitCode = status === 0 ? 0 : 1;
} catch (error) {
  if (!(error instanceof GuestFailure)) throw error;
  console.error(`\n${error.message}`);
  process.exitCode = 1;
}
