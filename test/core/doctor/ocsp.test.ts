import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { responderFinding } from "../../../src/core/doctor/ocsp.ts";

const responder = "http://ocsp.example.org";

describe("the doctor on an OCSP responder", () => {
  test("suggests the check where it is off and the responder can be reached", () => {
    const { verdict, remedy } = responderFinding({ responder, reachable: true, isWanted: false });
    assert.equal(verdict, "warning");
    assert.match(remedy ?? "", /^set stunnel_check_cert_validity = true/);
  });

  test("asks for nothing where the check is off and the responder is out of reach", () => {
    const { verdict } = responderFinding({ responder, reachable: false, isWanted: false });
    assert.equal(verdict, "note");
  });

  test("names a problem where the check is on and the responder is out of reach", () => {
    assert.equal(responderFinding({ responder, reachable: false, isWanted: true }).verdict, "problem");
  });

  test("is content where the check is on and the responder can be reached", () => {
    assert.equal(responderFinding({ responder, reachable: true, isWanted: true }).verdict, "ok");
  });
});
