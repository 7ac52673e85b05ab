/** Loaded when a zone's name must be turned into its id. */
export { DescribeAvailabilityZonesCommand, EC2Client } from "@aws-sdk/client-ec2";
