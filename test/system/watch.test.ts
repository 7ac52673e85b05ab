import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { watchPath } from "../../src/system/watch.ts";
import { temporaryDirectory } from "../support/authority.ts";

for (const what of ["file", "directory"] as const) {
  test(`a change of a ${what} is told`, async (t) => {
    const place = temporaryDirectory(t, "watch");
    const file = join(place, "log");
    writeFileSync(file, "");
    await new Promise<void>((resolve) => {
      t.after(watchPath(what === "file" ? file : place, resolve) ?? assert.fail());
      appendFileSync(file, "one");
    });
  });
}

test("changes that never end do not keep the program from anything else", async (t) => {
  const file = join(temporaryDirectory(t, "watch"), "log");
  writeFileSync(file, "");
  let looks = 0;
  const look = () => {
    looks += 1;
    appendFileSync(file, "the next change comes while somebody looks");
  };
  t.after(watchPath(file, look) ?? assert.fail());
  appendFileSync(file, "one");
  while (looks < 10) await new Promise(setImmediate);
});

test("what is not there cannot be watched, and who has stopped hears nothing more", async (t) => {
  const place = temporaryDirectory(t, "watch");
  assert.equal(watchPath(join(place, "missing"), assert.fail), undefined);
  const [stopped, watched] = [join(place, "stopped"), join(place, "watched")];
  for (const directory of [stopped, watched]) mkdirSync(directory);
  watchPath(stopped, assert.fail)?.();
  await new Promise<void>((resolve) => {
    t.after(watchPath(watched, resolve) ?? assert.fail());
    for (const directory of [stopped, watched]) writeFileSync(join(directory, "name"), "");
  });
  rmSync(stopped, { recursive: true });
});
