import { type Command, Option } from "commander";
import { TEMPLATES, type TemplateName } from "../../../core/encryption/templates.ts";
import { say, sayJson } from "../terminal.ts";

export function addEnforce(encryption: Command): void {
  const names = Object.keys(TEMPLATES);
  const described = Object.entries(TEMPLATES).map(([name, { what }]) => `  ${name.padEnd(20)}${what}`);
  encryption
    .command("enforce")
    .description("print a template that enforces encryption, or tells where it is missing")
    .addOption(new Option("--template <name>", "which one").choices(names).makeOptionMandatory())
    .option("--json", "print it as a part of an object, for programs", false)
    .addHelpText("after", `\nTemplates:\n${described.join("\n")}`)
    .action(({ template, json }: { template: TemplateName; json: boolean }) => {
      const document = TEMPLATES[template].document;
      if (json) sayJson("encryption-enforce/1", { template, document });
      else say(JSON.stringify(document, null, 2));
    });
}
