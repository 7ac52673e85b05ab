/** Loaded when the first program is run to its end, not before. */
export { execa } from "execa";
