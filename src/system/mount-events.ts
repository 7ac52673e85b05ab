import { startChild } from "./process.ts";

