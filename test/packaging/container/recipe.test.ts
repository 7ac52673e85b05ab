import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { parseRecipe } from "../../packages/recipe.ts";
import { CHECKOUT } from "../../support/built.ts";

describe("a recipe of an image", () => {
  test("is read with lines that go on, comments among them, patterns and lists", () => {
    const recipe = `# for containers

FROM docker.io/library/debian:12-slim
COPY a_*.deb b /tmp/
RUN one \\
# why
 && two "\\$x" \\
 && three
COPY --chmod=0755 c /sbin/c
VOLUME ["/var/run/efs", "/var/log"]
ENTRYPOINT ["/usr/bin/tini", "--"]
`;
    assert.deepEqual(parseRecipe(recipe), [
      { kind: "from", image: "docker.io/library/debian:12-slim" },
      { kind: "copy", sources: ["a_*.deb", "b"], target: "/tmp/", mode: undefined },
      { kind: "run", script: 'one  && two "\\$x"  && three' },
      { kind: "copy", sources: ["c"], target: "/sbin/c", mode: 0o755 },
      { kind: "volume", paths: ["/var/run/efs", "/var/log"] },
      { kind: "entrypoint", words: ["/usr/bin/tini", "--"] },
    ]);
  });

  for (const [line, named] of [
    ["ENV A=b", /ENV A=b/],
    ["USER nobody", /USER nobody/],
    ["from debian", /from debian/],
    ["FROM debian AS one", /AS one/],
    ["COPY --from=one /a /b", /--from=one/],
    ["COPY a $TARGET", /a \$TARGET/],
    ["COPY a b", /COPY a b/],
    ["RUN --mount=type=cache,target=/x true", /RUN --mount/],
    ['RUN ["true"]', /RUN \["true"\]/],
    ["RUN <<EOF", /RUN <<EOF/],
    ["VOLUME /data", /VOLUME \/data/],
    ["ENTRYPOINT tini", /ENTRYPOINT tini/],
    ['ENTRYPOINT ["$HOME/x"]', /ENTRYPOINT \["\$HOME/],
    ["# escape=`", /# escape=/],
  ] as const) {
    test(`is refused by name for what is not understood here: ${line}`, () => {
      assert.throws(() => parseRecipe(`${line}\n`), { message: named });
    });
  }
});

test("what the image's recipe copies is there or is what `npm run package` makes", () => {
  const recipe = parseRecipe(readFileSync(join(CHECKOUT, "packaging/container/Containerfile"), "utf8"));
  const sources = recipe.flatMap((step) => (step.kind === "copy" ? step.sources : []));
  assert.notEqual(sources.length, 0);
  for (const source of sources)
    assert.ok(
      existsSync(join(CHECKOUT, source)) || source === "out/packages/amazon-efs-mount-helper_*.deb",
      source,
    );
});
