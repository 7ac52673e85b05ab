/** The APIs of EFS and EC2 as far as a mount asks them, for one scenario. */
import { ec2Api } from "../../fakes/ec2-api.ts";
import { EfsAccount } from "../../fakes/efs-account.ts";
import { type DescribedTarget, efsApi } from "../../fakes/efs-api.ts";
import type { Service } from "../../fakes/service.ts";
import type { Guest } from "../runner/guest.ts";

export interface Target {
  zone?: string;
  zoneId: string;
  address: string;
}

export interface AwsApis {
  efs: Service;
  ec2: Service;
  /** What the EFS API knows beside mount targets. */
  account: EfsAccount;
  /** The mount targets of each file system. */
  targets: { set(fsId: string, targets: Target[]): void };
  /** What a mount helper needs in its environment to ask them. */
  environment: Record<string, string>;
}

/** What EC2 knows of zones. */
const ZONES = { "us-east-1a": "use1-az1", "us-east-1b": "use1-az2", "us-east-1d": "use1-az4" };

export async function awsApis(guest: Guest): Promise<AwsApis> {
  const servers: (() => unknown)[] = [];
  const test = { after: (stopOne: () => unknown) => void servers.push(stopOne) };
  guest.onEnd(() => {
    for (const stopOne of servers) stopOne();
  });
  const fileSystems = new Map<string, DescribedTarget[]>();
  const account = new EfsAccount();
  const [efs, ec2] = [await efsApi(test, fileSystems, account), await ec2Api(test, ZONES)];
  const set = (fsId: string, targets: Target[]) => {
    fileSystems.set(
      fsId,
      targets.map(({ zone, zoneId, address }, at) => ({
        MountTargetId: `fsmt-${at + 1}`,
        LifeCycleState: "available",
        IpAddress: address,
        AvailabilityZoneId: zoneId,
        ...(zone === undefined ? {} : { AvailabilityZoneName: zone }),
      })),
    );
  };
  const environment = {
    AWS_ENDPOINT_URL_EFS: efs.url,
    AWS_ENDPOINT_URL_EC2: ec2.url,
    AWS_ACCESS_KEY_ID: "AKIDEXAMPLE",
    AWS_SECRET_ACCESS_KEY: "an example of a secret",
  };
  return { efs, ec2, account, targets: { set }, environment };
}
