import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Profiles } from "../../../src/core/identity/profiles.ts";
import { anyText } from "../../support/any-text.ts";

const NONE = { accessKeyId: undefined, secretAccessKey: undefined, sessionToken: undefined };
const nowhere = { keysInCredentials: false, keysInConfig: false, exists: false };

/** Keys below a title. */
const section = (title: string, id: string, secret = "secret") =>
  `[${title}]\naws_access_key_id = ${id}\naws_secret_access_key = ${secret}\n`;

test("a profile is where its keys are", () => {
  const profiles = new Profiles({
    credentials: `${section("both", "A")}[half]\naws_access_key_id = B\n`,
    config: `${section("profile both", "C")}[profile role]\nrole_arn = arn\n${section("default", "D")}`,
  });
  assert.deepEqual(profiles.facts("both"), { keysInCredentials: true, keysInConfig: true, exists: true });
  assert.deepEqual(profiles.facts("half"), { ...nowhere, exists: true });
  assert.deepEqual(profiles.facts("role"), { ...nowhere, exists: true });
  assert.deepEqual(profiles.facts("default"), { ...nowhere, keysInConfig: true, exists: true });
  assert.equal(profiles.keys("credentials", "both").accessKeyId, "A");
  assert.equal(profiles.keys("config", "both").accessKeyId, "C");
});

const MISSING = ["", "profile", "profile role", "constructor", "__proto__", "toString", "a\u0000b"];
test("names that no file has are nowhere, also those that every object has", () => {
  const profiles = new Profiles({
    credentials: "[__proto__]\nx = y\n",
    config: "[profile role]\nrole_arn = arn\n",
  });
  for (const name of MISSING.filter((each) => each !== "profile role"))
    assert.deepEqual(profiles.facts(name), nowhere, name);
  assert.deepEqual(profiles.keys("credentials", "__proto__"), NONE);
});

const text = (pattern: RegExp) => fc.stringMatching(pattern);
const name = text(/^[A-Za-z0-9][A-Za-z0-9 ._@/+:-]{0,20}[A-Za-z0-9]$/).filter(
  (each) => !each.startsWith("profile "),
);
const key = text(/^[A-Za-z0-9/+=_#;%$"'\\-]{1,100}$/).filter((each) => !/^[#;]/.test(each));

test("whatever keys are made of and their profile is called, they are read as they are written", () => {
  fc.assert(
    fc.property(name, key, key, key, (title, id, secret, token) => {
      const written = `${section(title, id, secret)}aws_session_token = ${token}\n`;
      const files = {
        credentials: written,
        config: `[profile ${title}]\n${written.slice(written.indexOf("\n") + 1)}`,
      };
      const profiles = new Profiles(files);
      const expected = { accessKeyId: id, secretAccessKey: secret, sessionToken: token };
      assert.deepEqual(profiles.keys("credentials", title), expected);
      assert.deepEqual(profiles.keys("config", title), expected);
    }),
  );
});

test("no text keeps the profiles around it from being read", () => {
  const line = anyText({ maxLength: 60 }).filter((each) => !/[\r\n[\]]/.test(each));
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }), (lines) => {
      const noise = lines.filter((each) => !/aws_/i.test(each)).join("\n");
      const credentials = `${noise}\n${section("mine", "A")}${noise}\n${section("other", "B")}`;
      const profiles = new Profiles({ credentials, config: noise });
      assert.equal(profiles.keys("credentials", "mine").accessKeyId, "A");
      assert.equal(profiles.keys("credentials", "other").accessKeyId, "B");
    }),
  );
});

test("any text at all is read without an error", () => {
  fc.assert(
    fc.property(anyText({ maxLength: 400 }), (any) => {
      new Profiles({ credentials: any, config: any }).facts("default");
    }),
  );
});
