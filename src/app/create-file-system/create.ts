import { type Created, differenceOf, readiness } from "../../core/create-file-system/created.ts";
import type { CreationRequest } from "../../core/create-file-system/request.ts";
import type { FileSystem } from "../../core/encryption/file-system.ts";
import { EfsError } from "../../core/errors.ts";
import type { FileSystemId } from "../../core/ids.ts";
import { quietSdk } from "../../system/aws-sdk.ts";
import { pause } from "../../system/pause.ts";
import { type ApiCaller, clientSettings, PATIENT_ATTEMPTS } from "../aws/client.ts";
import { describeFileSystem } from "../aws/file-systems.ts";
import { CreationCalls } from "./calls.ts";

export interface CreationContext {
  readonly caller: ApiCaller;
  /** The token, where the user gives none. */
  readonly newToken: () => string;
  /** How long all of it may take until it is available, in milliseconds. */
  readonly limitMs: number;
  /** Aborted, with an EfsError as its reason, when the user gives up. */
  readonly signal: AbortSignal;
  /** Tells what is done now, in a few words. */
  doing(what: string): void;
  /** Tells what there is, whenever that changes: it is all that there is where an error follows. */
  made(created: Created): void;
}

/** How soon, and at last how seldom, it is asked whether something is available. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5000;

/**
 * Makes a file system with its mount targets and access point, and waits until all are available. With the token
 * of an earlier request it goes on where that ended.
 *
 * @throws EfsError (system, interrupted); what there is then, the context was told
 */
export async function createFileSystem(request: CreationRequest, context: CreationContext): Promise<Created> {
  quietSdk();
  const { caller, signal, limitMs } = context;
  const sdk = await import("../../lazy/aws-efs.ts");
  const client = new sdk.EFSClient(clientSettings(caller, PATIENT_ATTEMPTS));
  const deadline = AbortSignal.timeout(limitMs);
  const both = AbortSignal.any([signal, deadline]);
  const creation = new Creation(request, new CreationCalls(client, sdk, caller), context, both);
  try {
    return await creation.run();
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (!deadline.aborted) throw error;
    throw new EfsError("system", `it was not available within ${Math.round(limitMs / 1000)} s (--timeout)`, {
      hint: "it may become available yet",
      cause: error,
    });
  } finally {
    client.destroy();
  }
}

class Creation {
  readonly #request: CreationRequest;
  readonly #calls: CreationCalls;
  readonly #context: CreationContext;
  readonly #signal: AbortSignal;
  #created: Created | undefined;

  constructor(request: CreationRequest, calls: CreationCalls, context: CreationContext, signal: AbortSignal) {
    this.#request = request;
    this.#calls = calls;
    this.#context = context;
    this.#signal = signal;
  }

  async run(): Promise<Created> {
    const { token = this.#context.newToken() } = this.#request;
    this.#context.doing("making the file system");
    const { id, isNew } = await this.#calls.fileSystem(this.#request, token);
    const { region } = this.#context.caller;
    this.#made({ fileSystem: id, region, token, mountTargets: [] });
    await this.#fileSystemAvailable(id as FileSystemId, isNew);
    await this.#mountTargets(id);
    await this.#accessPoint(id, token);
    return this.#now;
  }

  get #now(): Created {
    if (this.#created === undefined) throw new Error("nothing is made yet");
    return this.#created;
  }

  #made(created: Created): void {
    this.#created = created;
    this.#context.made(created);
  }

  async #fileSystemAvailable(id: FileSystemId, isNew: boolean): Promise<void> {
    this.#context.doing(`${id}: waiting until it is available`);
    await this.#until(id, async () => {
      const found = await this.#look(id, isNew);
      if (found === undefined) return "creating";
      const { name, encrypted, keyId, state = "creating" } = found;
      this.#made({
        ...this.#now,
        ...(name !== undefined && { name }),
        ...(encrypted !== undefined && { encrypted }),
        ...(keyId !== undefined && { keyId }),
        state,
      });
      const difference = differenceOf(this.#request, found);
      if (difference !== undefined) throw differs(id, isNew, difference);
      return state;
    });
  }

  /** Undefined for one that was just made and is not known everywhere yet. */
  async #look(id: FileSystemId, isNew: boolean): Promise<FileSystem | undefined> {
    try {
      return await describeFileSystem(id, this.#context.caller, PATIENT_ATTEMPTS);
    } catch (error) {
      if (!(error instanceof EfsError)) throw error;
      const { message, hint, cause } = error;
      if (isNew && cause instanceof Error && cause.name === "FileSystemNotFound") return undefined;
      throw new EfsError("system", message, { ...(hint !== undefined && { hint }), cause });
    }
  }

  /** Those that there are already, of an earlier request, are kept. */
  async #mountTargets(id: string): Promise<void> {
    const { subnets, securityGroups } = this.#request;
    if (subnets.length === 0) return;
    const look = async () => this.#made({ ...this.#now, mountTargets: await this.#calls.mountTargets(id) });
    await look();
    for (const subnet of subnets) {
      this.#signal.throwIfAborted();
      if (this.#now.mountTargets.some((target) => target.subnet === subnet)) continue;
      this.#context.doing(`${id}: making a mount target in ${subnet}`);
      const target = await this.#calls.mountTarget(id, subnet, securityGroups);
      this.#made({ ...this.#now, mountTargets: [...this.#now.mountTargets, target] });
    }
    this.#context.doing(`${id}: waiting until its mount targets are available`);
    await this.#until("a mount target", async () => {
      await look();
      const states = this.#now.mountTargets
        .filter(({ subnet }) => subnets.includes(subnet))
        .map(({ state }) => state);
      return (
        states.find((state) => readiness(state) === "failed") ?? states.find((state) => state !== "available")
      );
    });
  }

  async #accessPoint(id: string, token: string): Promise<void> {
    const { accessPoint: wanted } = this.#request;
    if (wanted === undefined) return;
    this.#signal.throwIfAborted();
    this.#context.doing(`${id}: making the access point`);
    const accessPoint = await this.#calls.accessPoint(id, wanted, token);
    this.#made({ ...this.#now, accessPoint });
    this.#context.doing(`${id}: waiting until the access point is available`);
    await this.#until(accessPoint.id, async () => {
      const state = (await this.#calls.accessPointState(accessPoint.id)) ?? "creating";
      this.#made({ ...this.#now, accessPoint: { ...accessPoint, state } });
      return state;
    });
  }

  /** Asks for a state, less and less often, until it is available (or undefined: nothing is left to wait for). */
  async #until(what: string, ask: () => Promise<string | undefined>): Promise<void> {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      this.#signal.throwIfAborted();
      const state = await ask();
      if (state === undefined || readiness(state) === "ready") return;
      if (readiness(state) === "failed") {
        throw new EfsError("system", `${what} will not become available: it is ${state}`, {
          hint: "see the EFS console for the reason",
        });
      }
      await pause(pauseMs, this.#signal);
    }
  }
}

function differs(id: string, isNew: boolean, difference: string): EfsError {
  return new EfsError("system", `${id} ${difference}, which is not what was asked for`, {
    hint: isNew
      ? "check what answers for the EFS API (AWS_ENDPOINT_URL_EFS, a proxy)"
      : "it was made earlier with the same --client-token: give another one, or none",
  });
}
