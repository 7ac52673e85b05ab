import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseCapabilities } from "../../../src/core/tunnel/capabilities.ts";
import { anyText } from "../../support/any-text.ts";
import { help, NEW, OLD } from "./builds.ts";

test("an old stunnel knows neither host names nor responders, and neither quiet nor sockets of others", () => {
  assert.equal(OLD.version, "4.56");
  assert.equal(OLD.quietForeground, false);
  assert.equal(OLD.inheritsSockets, false);
  for (const option of ["checkHost", "OCSPaia"]) assert.equal(OLD.options.has(option), false, option);
  for (const option of ["libwrap", "verify", "sni", "socket", "syslog"])
    assert.ok(OLD.options.has(option), option);
});

test("a new stunnel knows all of it, and no libwrap", () => {
  assert.equal(NEW.version, "5.75");
  assert.equal(NEW.quietForeground, true);
  assert.equal(NEW.inheritsSockets, true);
  for (const option of ["checkHost", "OCSPaia", "OCSPrequire"]) assert.ok(NEW.options.has(option), option);
  assert.equal(NEW.options.has("libwrap"), false);
});

test("what stunnel explains is no option", () => {
  for (const { options } of [OLD, NEW]) {
    for (const word of ["currently", "level", "Compiled", "Threading", "stunnel"])
      assert.ok(!options.has(word), word);
  }
});

test("a build without systemd's sockets is known by its description, not by its options", () => {
  const without = help("5.75").replace(",SYSTEMD", "");
  assert.equal(parseCapabilities(without).inheritsSockets, false);
  assert.equal(parseCapabilities(`${without}\nSYSTEMD = yes|no whatever`).inheritsSockets, false);
});

test("from 5.69 on, or where the version is unknown, a log file is late", () => {
  const versions: [version: string, prompt: boolean][] = [
    ["4.56", true],
    ["5.68", true],
    ["5.69", false],
    ["5.100", false],
    ["6.0", false],
  ];
  for (const [version, prompt] of versions)
    assert.equal(parseCapabilities(help("5.75").replace("5.75", version)).promptOutput, prompt, version);
});

test("line ends of any kind and lines in front do no harm", () => {
  assert.deepEqual(parseCapabilities(`warning: x\n${help("5.75").replaceAll("\n", "\r\n")}`), NEW);
});

test("a program that prints something else can do nothing", () => {
  for (const text of ["", "usage: stunnel [file]", "stunnel: not found"]) {
    const { options, ...rest } = parseCapabilities(text);
    assert.equal(options.size, 0);
    assert.deepEqual(rest, {
      version: undefined,
      quietForeground: false,
      promptOutput: false,
      inheritsSockets: false,
    });
  }
  fc.assert(fc.property(anyText(), (text) => void parseCapabilities(text)));
});
