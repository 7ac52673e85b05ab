import type { Test } from "../support/authority.ts";
import { type Answer, type Reply, type Service, service } from "./service.ts";

/** EC2's API (query protocol, in XML), which knows the ids of zones; a zone may be treated otherwise. */
export function ec2Api(
  test: Test,
  zones: Readonly<Record<string, string | Answer>>,
  regions: () => readonly string[] | Answer = () => [],
): Promise<Service> {
  return service(test, ({ body }) => {
    const asked = new URLSearchParams(body);
    if (asked.get("Action") === "DescribeRegions") {
      const known = regions();
      return Array.isArray(known) ? regionList(known) : (known as Answer);
    }
    if (asked.get("Action") !== "DescribeAvailabilityZones") return ec2Error(400, "InvalidAction");
    const name = asked.get("ZoneName.1") ?? "";
    const zone = zones[name];
    if (zone === undefined)
      return ec2Error(400, "InvalidParameterValue", `Invalid availability zone: [${name}]`);
    if (typeof zone !== "string") return zone;
    const item = `<item><zoneName>${name}</zoneName><zoneId>${zone}</zoneId></item>`;
    return {
      headers: XML_TYPE,
      body: `<DescribeAvailabilityZonesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>1</requestId><availabilityZoneInfo>${item}</availabilityZoneInfo></DescribeAvailabilityZonesResponse>`,
    };
  });
}

function regionList(regions: readonly string[]): Reply {
  const items = regions.map((name) => `<item><regionName>${name}</regionName></item>`).join("");
  return {
    headers: XML_TYPE,
    body: `<DescribeRegionsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>1</requestId><regionInfo>${items}</regionInfo></DescribeRegionsResponse>`,
  };
}

const XML_TYPE = { "content-type": "text/xml" };

/** EC2's way to say no. */
export function ec2Error(status: number, code: string, message = "no"): Reply {
  return {
    status,
    headers: XML_TYPE,
    body: `<?xml version="1.0"?><Response><Errors><Error><Code>${code}</Code><Message>${message}</Message></Error></Errors><RequestID>1</RequestID></Response>`,
  };
}
