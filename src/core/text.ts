/** Whether a text holds a control character (C0, DEL or C1), which must never reach a file or a command. */
export function hasControlCharacter(text: string): boolean {
  return /[\u0000-\u001f\u007f-\u009f]/.test(text);
}

/** A text from outside, fit for one line of a terminal or a log: control characters are shown, not sent. */
export function printable(text: string): string {
  return text.replaceAll(
    /[\u0000-\u001f\u007f-\u009f]/g,
    (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}

/** A text in quotes for a message, made printable and cut to a readable length. */
export function quoted(text: string): string {
  const shown = printable(text);
  return `"${shown.length > 200 ? `${shown.slice(0, 200)}...` : shown}"`;
}

/** A text in one line: each line end, with the blanks around it, becomes the separator. */
export function joinLines(text: string, separator: string): string {
  // blanks first: a pattern that looks for the line end itself takes quadratic time for a long run of blanks
  return text.replaceAll(/\s+/g, (blanks) => (/[\r\n]/.test(blanks) ? separator : blanks));
}
