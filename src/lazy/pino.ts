/** Loaded for logs in JSON only. */
export { pino } from "pino";
