import { connect } from "node:net";
import type { TestContext } from "node:test";
import { stunnelOf } from "../../src/app/tunnel/start.ts";
import { Rig, signal } from "../support/watchdog-rig.ts";
import { clearingUp } from "./clean-ups.ts";
import { clock, SERVER_ADDRESS } from "./machine.ts";
import { median, type Row } from "./table.ts";

const KILLS = 50;
const ANSWER_LIMIT_MS = 20_000;
/** A tunnel that dies younger than this is restarted with a pause after a few times. */
const SETTLED_MS = 1200;
const TRUST = ["sslVersion = TLSv1.2", "verify = 2", "CAfile = /etc/amazon/efs/efs-utils.crt"];

/** From the death of a tunnel to the first request answered through it again. */
export function measureRecovery(): Promise<Row[]> {
  return clearingUp(async (test) => {
    const rig = new Rig(test as TestContext);
    const { port, paths } = await rig.tunnel({ address: SERVER_ADDRESS, connect: 2049, trust: TRUST });
    const plain: number[] = [];
    const recoveries: number[] = [];
    for (let kill = 0; kill < KILLS; kill += 1) {
      await new Promise((resolve) => setTimeout(resolve, SETTLED_MS));
      plain.push(await timeAnswer(port));
      signal(stunnelOf(paths)?.pid ?? 0, kill % 2 === 0 ? "SIGKILL" : "SIGTERM");
      recoveries.push(await timeAnswer(port));
    }
    const what = "tunnel killed to the next answer";
    const yardstick = { name: "request alone", value: median(plain) };
    return [
      { what: "a request through a tunnel", values: plain, unit: "ms" },
      { what, values: recoveries, unit: "ms", yardstick, budget: 100 },
      { what, values: recoveries, unit: "ms", yardstick, budget: 300, of: "worst" },
    ];
  });
}

/** How long it takes until a request is answered, with a new connection for each try. */
async function timeAnswer(port: number): Promise<number> {
  const began = clock();
  while (clock() - began < ANSWER_LIMIT_MS) {
    if (await isAnswered(port)) return clock() - began;
  }
  throw new Error(`no answer through port ${port} within ${ANSWER_LIMIT_MS} ms`);
}

function isAnswered(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write("?"));
    socket.setTimeout(ANSWER_LIMIT_MS, () => socket.destroy());
    socket.once("data", () => {
      resolve(true);
      socket.destroy();
    });
    socket.once("error", () => {});
    socket.once("close", () => setImmediate(resolve, false));
  });
}
