import { test } from "node:test";
import { caseNames, readCase } from "./corpus.ts";
import { limited, STRETCHED } from "./fuzzer.ts";
import { TARGETS } from "./targets.ts";

for (const target of TARGETS) {
  for (const seed of target.seeds)
    test(`${target.name} reads the well-formed ${JSON.stringify(seed.slice(0, 40))}`, () => {
      target.run(Buffer.from(seed, "latin1"));
    });
  for (const name of caseNames(target.name))
    test(`${target.name} keeps its promises on the hostile input ${name}`, () => {
      limited(() => target.run(readCase(target.name, name)));
    });
  for (const [head, part, tail] of target.long ?? [])
    test(`${target.name} copes in linear time with ${JSON.stringify(part)} repeated to 256 KiB`, () => {
      const input = Buffer.from(head + part.repeat(STRETCHED / part.length) + tail);
      limited(() => target.run(input));
    });
}
