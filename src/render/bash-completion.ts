/** An option as completion sees it. */
export interface CompletedOption {
  /** As typed: `--root`, `-h`. */
  readonly names: readonly string[];
  /** Whether the next word is its value. */
  readonly takesValue: boolean;
  /** All values there are, where they are known; others complete as file names. */
  readonly values: readonly string[];
}

/** A command with its options and what is below it. */
export interface CompletedCommand {
  readonly name: string;
  readonly options: readonly CompletedOption[];
  readonly commands: readonly CompletedCommand[];
}

/** What may stand in the script's patterns and word lists without quoting. */
const PLAIN = /^[\w.=/-]+$/;

/**
 * A script for bash (its manual, "Programmable Completion") that completes a program's commands and options.
 * Nothing is run for it but the shell itself.
 */
export function bashCompletion(program: CompletedCommand): string {
  const commands = below(program, "");
  const identifier = `_${program.name.replace(/\W/g, "_")}`;
  const cases = (lines: readonly string[]) => lines.map((line) => `\t${line} ;;\n`).join("");
  const paths = commands.map(({ path }) => `"${path}"`).filter((path) => path !== '""');
  return `# bash completion for ${program.name}, made from its own definition: ${program.name} completion
${identifier}() {
	local word=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} command= words= i
	for ((i = 1; i < COMP_CWORD; i++)); do
		case "$command \${COMP_WORDS[i]}" in
		${paths.join(" | ")}) command="$command \${COMP_WORDS[i]}" ;;
		esac
	done
	COMPREPLY=()
	case "$command $previous" in
${cases(commands.flatMap(valueCases))}	*)
		case "$command" in
${cases(commands.map(({ path, command }) => `"${path}") words="${words(command)}"`))}		esac
		;;
	esac
	# without words, file names are completed
	[ -z "$words" ] || mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -o default -F ${identifier} ${program.name}
`;
}

interface PlacedCommand {
  /** The words that lead to it, each with a blank before it. */
  readonly path: string;
  readonly command: CompletedCommand;
}

function below(command: CompletedCommand, path: string): PlacedCommand[] {
  return [
    { path, command },
    ...command.commands.flatMap((each) => below(each, `${path} ${plain(each.name)}`)),
  ];
}

function valueCases({ path, command }: PlacedCommand): string[] {
  return command.options
    .filter((option) => option.takesValue)
    .map(({ names, values }) => {
      const patterns = names.map((name) => `"${path} ${plain(name)}"`).join(" | ");
      return `${patterns}) words="${values.map(plain).join(" ")}"`;
    });
}

function words({ options, commands }: CompletedCommand): string {
  return [...commands.map(({ name }) => name), ...options.flatMap(({ names }) => names)].map(plain).join(" ");
}

function plain(word: string): string {
  if (PLAIN.test(word)) return word;
  throw new Error(`${JSON.stringify(word)} cannot be completed as it is`);
}
