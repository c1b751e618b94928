import type { EmissionContext } from 'ambus';
import * as z from 'zod';
import type { ApiRequest, ApiResponse, BotEvents } from './events.js';

/** What a call to GitHub is made for: whoever handles an event passes its own `ctx`. */
export type Caller = Pick<EmissionContext<BotEvents>, 'emit' | 'signal' | 'meta'>;

/** Sends a request, and knows nothing of caches and retries. */
export type Send = (request: ApiRequest, caller: Pick<Caller, 'signal' | 'meta'>) => Promise<ApiResponse>;

/** How often GitHub was asked. */
export interface ApiUsage {
  /** Emissions of `api.call`. */
  readonly calls: number;
  /** How many of them a handler has answered in place of GitHub. */
  readonly fromCache: number;
  /** What was sent. */
  readonly requests: number;
  readonly failedRequests: number;
}

/** GitHub has answered, and the answer is an error. */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(`${status} ${message}`);
    this.name = 'ApiError';
    this.status = status;
  }
}

const comparison = z.object({ behind_by: z.int() });
const commitStatus = z.object({ state: z.enum(['success', 'pending', 'failure']) });
const collaborators = z.array(z.object({ login: z.string() }));
const botSettings = z.object({ maxChangedFiles: z.int() });

/**
 * What the bot asks GitHub. Each question is an emission of `api.call` around `send`: what its handlers do, such as
 * caching, holds for all of them, and neither those who ask nor `send` know of it.
 */
export class GithubApi {
  readonly #send: Send;
  #calls = 0;
  #fromCache = 0;

  constructor(send: Send) {
    this.#send = send;
  }

  get usage(): Pick<ApiUsage, 'calls' | 'fromCache'> {
    return { calls: this.#calls, fromCache: this.#fromCache };
  }

  /** How many commits a branch lacks of another one. */
  async commitsBehind(caller: Caller, repository: string, base: string, head: string): Promise<number> {
    const path = `/repos/${repository}/compare/${base}...${head}`;
    return comparison.parse(await this.#call(caller, { method: 'GET', path, cache: 'no-store' })).behind_by;
  }

  /** How the builds of a commit went. */
  async buildState(caller: Caller, repository: string, sha: string): Promise<z.infer<typeof commitStatus>['state']> {
    const path = `/repos/${repository}/commits/${sha}/status`;
    return commitStatus.parse(await this.#call(caller, { method: 'GET', path, cache: 'no-store' })).state;
  }

  /** The logins of those who may review. */
  async collaborators(caller: Caller, repository: string): Promise<string[]> {
    const path = `/repos/${repository}/collaborators`;
    return collaborators.parse(await this.#call(caller, { method: 'GET', path })).map(({ login }) => login);
  }

  /** What a repository wants of the bot. */
  async settings(caller: Caller, repository: string): Promise<z.infer<typeof botSettings>> {
    const path = `/repos/${repository}/contents/.github/bot.json`;
    return botSettings.parse(await this.#call(caller, { method: 'GET', path }));
  }

  /** Comments on an issue or a pull request. */
  async comment(caller: Caller, repository: string, number: number, body: string): Promise<void> {
    await this.#call(caller, {
      method: 'POST',
      path: `/repos/${repository}/issues/${number}/comments`,
      body: { body },
    });
  }

  async #call(caller: Caller, request: ApiRequest): Promise<unknown> {
    this.#calls++;
    // Whoever gives up the caller gives up the request too.
    const { value, answeredBy } = await caller.emit('api.call', request, { core: this.#send, signal: caller.signal });
    if (answeredBy !== undefined) this.#fromCache++;
    return value?.body;
  }
}
