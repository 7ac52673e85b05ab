import { type Created, removalCommands } from "../core/create-file-system/created.ts";
import { printable } from "../core/text.ts";
import { atRestWord } from "./encryption.ts";
import { hanging, type Layout, wrap } from "./table.ts";

const INDENT = "    ";
/** As wide as the longest title, and two blanks. */
const TITLE_WIDTH = 14;

/** A file system that was made, as text. */
export function createdText(created: Created, layout: Layout): string[] {
  const { fileSystem, region, name, encrypted, keyId, mountTargets, accessPoint } = created;
  const { paint, width } = layout;
  const fact = (title: string, text: string) =>
    hanging(`${INDENT}${title}`, printable(text), INDENT.length + TITLE_WIDTH, width);
  const device = accessPoint === undefined ? "tls" : `tls,accesspoint=${accessPoint.id}`;
  return [
    ...wrap(
      [
        fileSystem,
        region,
        ...(name === undefined ? [] : [printable(name)]),
        atRestWord(encrypted, paint),
      ].join("  "),
      width,
    ),
    ...(keyId === undefined ? [] : fact("key", keyId)),
    ...mountTargets.flatMap(({ id, subnet, address, zone, state }) =>
      fact(
        "mount target",
        [id, subnet, zone, address, state].filter((part) => part !== undefined).join("  "),
      ),
    ),
    ...(accessPoint === undefined
      ? []
      : fact("access point", [accessPoint.id, accessPoint.path, accessPoint.state].join("  "))),
    ...fact("mount it", `mount -t efs -o ${device} ${fileSystem}:/ /mnt/efs`),
  ];
}

/** What there is of a file system whose making failed, and what can be done with it. */
export function remainsText(created: Created): string[] {
  const { fileSystem, state, mountTargets, accessPoint, token } = created;
  const parts = [
    `${fileSystem} (${state ?? "creating"})`,
    ...mountTargets.map((target) => `${target.id} in ${target.subnet} (${target.state})`),
    ...(accessPoint === undefined ? [] : [`${accessPoint.id} (${accessPoint.state})`]),
  ];
  return [
    `there is now: ${parts.join(", ")}`,
    `to go on, run the same with --client-token ${token}`,
    `to remove it, run these, each when the one before has taken effect:`,
    ...removalCommands(created).map((each) => `  ${each}`),
  ].map(printable);
}
