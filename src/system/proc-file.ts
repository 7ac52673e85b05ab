import { closeSync, openSync, readSync } from "node:fs";

/** One buffer for all: node's own reading takes 64 KiB of new memory for every file whose size it cannot know. */
let buffer = Buffer.allocUnsafeSlow(16 * 1024);

/**
 * The text of a file of /proc, which has no size to go by.
 *
 * @throws the system's error
 */
export function readProcFile(path: string): string {
  const descriptor = openSync(path, "r");
  try {
    let length = 0;
    for (;;) {
      const count = readSync(descriptor, buffer, length, buffer.length - length, null);
      if (count === 0) return buffer.toString("utf8", 0, length);
      length += count;
      if (length === buffer.length) buffer = Buffer.concat([buffer], 2 * length);
    }
  } finally {
    closeSync(descriptor);
  }
}
