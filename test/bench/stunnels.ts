import { CASES } from "../stunnels/cases.ts";
import { SuiteMachine } from "../stunnels/machine.ts";
import { DOMAIN } from "../stunnels/pki.ts";
import { type Suite, suiteRoot } from "../stunnels/suites.ts";
import { bareHandshake } from "../stunnels/times.ts";
import { fileSystem, world } from "../stunnels/world.ts";
import { median, type Row } from "./table.ts";

const RUNS = 15;
/** With stunnel 5.68, and with 5.74, which writes its log file a second late and asks the responder later. */
const COMPARED: readonly Suite[] = ["bookworm", "trixie"];

/** Downloads what the measurement needs; there is no network later. */
export function prepareStunnels(): Promise<string[]> {
  return Promise.all(COMPARED.map((suite) => suiteRoot(suite)));
}

/** What a mount with revocation checks takes with the stunnels of two Debian releases, in turns. */
export async function measureStunnels(): Promise<Row[]> {
  const cleanUps: (() => unknown)[] = [];
  const group = { after: (cleanUp: () => unknown) => void cleanUps.push(cleanUp) };
  const given = await world(group);
  const machines = (await prepareStunnels()).map((root) => new SuiteMachine(group, root, given));
  const name = fileSystem(CASES.findIndex((one) => one.name === "good"));
  const took: number[][] = COMPARED.map(() => []);
  for (let run = 0; run < RUNS; run += 1) {
    for (const [which, machine] of machines.entries()) {
      const { status, stderr, tookMs } = await machine.mount(name, "good", "tls");
      if (status !== 0) throw new Error(`mount.efs ended with ${status}: ${stderr}`);
      machine.endTunnels(name);
      took[which]?.push(tookMs);
    }
  }
  const [first] = machines;
  const handshake = first === undefined ? 0 : await bareHandshake(first, `${name}.${DOMAIN}`);
  const yardstick = { name: `stunnel of ${COMPARED[0]}`, value: median(took[0] ?? []) };
  for (const cleanUp of cleanUps.reverse()) await cleanUp();
  return [
    { what: "handshake of openssl s_client alone", values: [handshake], unit: "ms" },
    ...COMPARED.map((suite, which) => ({
      what: `mount.efs with OCSP, stunnel of ${suite}`,
      values: took[which] ?? [],
      unit: "ms" as const,
      ...(which > 0 && { yardstick }),
    })),
  ];
}
