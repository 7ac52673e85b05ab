// Runs with a small heap while a user's processes have endless arguments: see hostile-processes.test.ts.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { seeTunnels } from "../../../src/app/status/tunnels.ts";
import { eventually, kill, Rig } from "../../support/watchdog-rig.ts";

const after: (() => unknown)[] = [];
const rig = new Rig({ after: (action: () => unknown) => after.push(action) } as never);
try {
  const tunnel = await rig.tunnel();
  const { pid, keeper } = tunnel.state();
  await kill(keeper?.pid ?? 0);
  await kill(pid);
  await rig.watch();
  await eventually("it runs again", () => tunnel.state().pid !== pid);
  const { tunnels } = seeTunnels(rig.directory, rig.kernel);
  assert.deepEqual(
    tunnels.map(({ tunnel: { processes } }) => processes.stunnel?.pid),
    [tunnel.state().pid],
  );
  tunnel.unmount();
  await eventually("it has ended", () => !existsSync(tunnel.paths.stateFile));
} finally {
  for (const action of after) await action();
}
