import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { emptyConfig, parseConfig, settings } from "../../src/core/config/config.ts";
import { AMAZON_VERSIONS, amazonConfiguration } from "../packages/amazon-configuration.ts";

const PATH = "/etc/amazon/efs/efs-utils.conf";

for (const version of AMAZON_VERSIONS) {
  describe(`the configuration that amazon-efs-utils ${version} ships`, () => {
    const file = parseConfig(amazonConfiguration(version), PATH);

    test("is read without a warning", () => {
      assert.deepEqual(file.warnings, []);
    });

    test("keeps its meaning: no revocation check, its range of ports and its watchdog's times", () => {
      assert.deepEqual(settings(file), {
        ...settings(emptyConfig(PATH)),
        dns_name_suffix: "amazonaws.com",
        stunnel_cafile: "/etc/amazon/efs/efs-utils.crt",
        stunnel_check_cert_validity: false,
        port_range_upper_bound: 21049,
        poll_interval_sec: 1,
        unmount_count_for_consistency: 5,
        unmount_grace_period_sec: 30,
      });
    });

    test("has isolated regions trust the system's authorities, at their own names", () => {
      const { dns_name_suffix, stunnel_cafile } = settings(file, "us-iso-east-1");
      assert.equal(dns_name_suffix, "c2s.ic.gov");
      assert.equal(stunnel_cafile, "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem");
    });
  });
}
