import { closeSync, openSync, readSync } from "node:fs";

/** One buffer for all: node's own reading takes 64 KiB of new memory for every file whose size it cannot know. */
let buffer = Buffer.allocUnsafeSlow(16 * 1024);

/**
 * The text of a file of /proc, which has no size to go by.
 *
 * @param longest in bytes: reading stops there. A file whose length a user can choose needs it.
 * @throws the system's error
 */
export function readProcFile(path: string, longest = Number.POSITIVE_INFINITY): string {
  const descriptor = openSync(path, "r");
  try {
    let length = 0;
    for (;;) {
      const room = Math.min(buffer.length, longest) - length;
      const count = room === 0 ? 0 : readSync(descriptor, buffer, length, room, null);
      if (count === 0) return buffer.toString("utf8", 0, length);
      length += count;
      if (length === buffer.length && length < longest) buffer = Buffer.concat([buffer], 2 * length);
    }
  } finally {
    closeSync(descriptor);
  }
}

const PIECE = 32 * 1024;

/**
 * The lines of a table of /proc, one by one: users can make some of them very long.
 *
 * @throws the system's error
 */
export function* procLines(path: string): Generator<string> {
  const descriptor = openSync(path, "r");
  try {
    const piece = Buffer.allocUnsafe(PIECE);
    let begun = "";
    for (;;) {
      const count = readSync(descriptor, piece, 0, piece.length, null);
      if (count === 0) break;
      const lines = (begun + piece.toString("latin1", 0, count)).split("\n");
      begun = lines.pop() ?? "";
      yield* lines;
    }
    if (begun !== "") yield begun;
  } finally {
    closeSync(descriptor);
  }
}
