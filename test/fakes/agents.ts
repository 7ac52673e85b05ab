import type { Test } from "../support/authority.ts";
import { keysAsJson, type SessionKeys } from "./keys.ts";
import { type Answer, type Service, service } from "./service.ts";

/** Where the ECS agent is, wherever a task runs. */
export const ECS_AGENT = { host: "169.254.170.2", port: 80 };
/** Where EKS's agent is on every node. */
export const POD_AGENT = { host: "169.254.170.23", port: 80 };

/** The ECS agent, which knows tasks by the paths of their credentials; a path may be treated otherwise. */
export function ecsAgent(
  test: Test,
  tasks: Readonly<Record<string, SessionKeys | Answer>>,
  where: { host?: string; port?: number } = ECS_AGENT,
): Promise<Service> {
  return service(
    test,
    ({ path }) => {
      const task = tasks[path];
      if (task === undefined) return { status: 404, body: '{"code":"InvalidIdInRequest"}' };
      return "accessKeyId" in task ? { body: keysAsJson(task) } : task;
    },
    where,
  );
}

/** The agent of EKS pod identity, which knows pods by their tokens. */
export function podAgent(
  test: Test,
  pods: ReadonlyMap<string, SessionKeys>,
  where: { host?: string; port?: number } = POD_AGENT,
): Promise<Service> {
  return service(
    test,
    ({ path, headers }) => {
      if (path !== "/v1/credentials") return { status: 404 };
      const keys = pods.get(headers.authorization ?? "");
      return keys === undefined ? { status: 401, body: "(Unauthorized)" } : { body: keysAsJson(keys) };
    },
    where,
  );
}
