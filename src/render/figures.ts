import prettyBytes from "pretty-bytes";
import prettyMilliseconds from "pretty-ms";

/** A size in bytes, as `1.2 GiB`. */
export function size(bytes: number): string {
  return prettyBytes(bytes, { binary: true, maximumFractionDigits: 1 });
}

/** A duration in its two largest units, as `3h 12m`. */
export function duration(milliseconds: number): string {
  return prettyMilliseconds(milliseconds, {
    unitCount: 2,
    secondsDecimalDigits: 0,
    millisecondsDecimalDigits: 0,
  });
}

/** A short duration, as `3.2 ms`. */
export function shortly(milliseconds: number): string {
  return `${milliseconds < 10 ? milliseconds.toFixed(1) : milliseconds.toFixed(0)} ms`;
}

/** A number of things, as `1 mount` and `12,345 mounts`. */
export function count(number: number, thing: string, things = `${thing}s`): string {
  return `${number.toLocaleString("en-US")} ${number === 1 ? thing : things}`;
}

/** A time in UTC, as `2026-11-24 18:29:34 UTC`. */
export function moment(time: Date): string {
  return `${time.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
