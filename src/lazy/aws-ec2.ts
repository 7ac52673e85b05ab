/** Loaded when a zone's name must be turned into its id, and when all regions are asked. */
export { DescribeAvailabilityZonesCommand, DescribeRegionsCommand, EC2Client } from "@aws-sdk/client-ec2";
