import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { efsApi } from "../fakes/efs-api.ts";
import { CHECKOUT, clock, FILE_SYSTEM, SERVER_ADDRESS } from "./machine.ts";
import { endTunnels } from "./mount.ts";
import { median, type Row } from "./table.ts";

const RUNS = 20;
const SDK = join(CHECKOUT, "dist/aws-efs.cjs");
const ZONE = "us-east-1a";

/** Loads the SDK, and makes the one call with it that a mount makes; prints how long each took. */
const SDK_ALONE = `
  const clock = () => Number(process.hrtime.bigint()) / 1e6;
  const began = clock();
  const { DescribeMountTargetsCommand, EFSClient } = require(process.argv[1]);
  const loaded = clock();
  new EFSClient({ region: "us-east-1" })
    .send(new DescribeMountTargetsCommand({ FileSystemId: process.argv[2] }))
    .then(() => console.log(loaded - began, clock() - loaded));`;

const execute = promisify(execFile);

/**
 * What a mount costs whose name does not resolve, beside one whose name does. It happens where measureMount has
 * been: the name with a zone is one that nobody knows there.
 */
export async function measureFallback(): Promise<Row[]> {
  const cleanUps: (() => unknown)[] = [];
  const target = { MountTargetId: "fsmt-1", IpAddress: SERVER_ADDRESS, LifeCycleState: "available" };
  const api = await efsApi(
    { after: (cleanUp) => void cleanUps.push(cleanUp) },
    new Map([[FILE_SYSTEM, [{ ...target, AvailabilityZoneName: ZONE }]]]),
  );
  const env = {
    ...process.env,
    AWS_ENDPOINT_URL_EFS: api.url,
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_ACCESS_KEY_ID: "AKIABENCH",
    AWS_SECRET_ACCESS_KEY: "bench",
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
  };
  const mountPoint = mkdtempSync(join(tmpdir(), "efs-bench-fallback-"));
  const timeMount = async (options: string) => {
    const began = clock();
    await execute(join(CHECKOUT, "bin/mount.efs"), [`${FILE_SYSTEM}:/`, mountPoint, "-o", options], { env });
    const took = clock() - began;
    await endTunnels();
    return took;
  };
  const [resolved, fallenBack, loads, calls]: [number[], number[], number[], number[]] = [[], [], [], []];
  try {
    for (let run = 0; run < RUNS; run += 1) {
      resolved.push(await timeMount("tls"));
      const before = api.calls.length;
      fallenBack.push(await timeMount(`tls,az=${ZONE}`));
      if (api.calls.length !== before + 1) throw new Error("a mount asks the API more or less than once");
      const { stdout } = await execute(process.execPath, ["-e", SDK_ALONE, SDK, FILE_SYSTEM], { env });
      const [load = Number.NaN, call = Number.NaN] = stdout.split(" ").map(Number);
      loads.push(load);
      calls.push(call);
    }
  } finally {
    for (const cleanUp of cleanUps) cleanUp();
    rmSync(mountPoint, { recursive: true });
  }
  const yardstick = { name: "name resolves", value: median(resolved) };
  return [
    { what: "AWS SDK, loading", values: loads, unit: "ms" },
    { what: "AWS SDK, its first call", values: calls, unit: "ms" },
    { what: "mount.efs, TLS, name resolves", values: resolved, unit: "ms" },
    {
      what: "mount.efs, TLS, by mount target",
      values: fallenBack,
      unit: "ms",
      yardstick,
      budget: median(resolved) + 1.2 * (median(loads) + median(calls)),
    },
  ];
}
