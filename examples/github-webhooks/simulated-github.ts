import { setTimeout as delay } from 'node:timers/promises';
import type { ApiRequest, ApiResponse } from './events.js';
import { ApiError, type ApiUsage, type Send } from './github-api.js';

/**
 * Stands in for GitHub's API, so that the example needs no network and no token. What it does depends on nothing but
 * what it is asked: every run sees the same slow answers and the same errors.
 */
export class SimulatedGithub {
  readonly #comments = new Map<string, string[]>();
  readonly #awake = new Set<string>();
  #requests = 0;
  #failed = 0;

  readonly send: Send = async (request, { meta, signal }) => {
    this.#requests++;
    const seed = hash(`${request.path} ${String(meta['delivery'])}`);
    await delay(2 + (seed % 10), undefined, { signal });
    // Whatever is asked for the first time finds a server that is still waking up.
    if (!this.#awake.has(request.path)) {
      this.#awake.add(request.path);
      this.#failed++;
      throw new ApiError(502, 'Bad Gateway');
    }
    return this.#answer(request, seed, signal);
  };

  get usage(): Pick<ApiUsage, 'requests' | 'failedRequests'> {
    return { requests: this.#requests, failedRequests: this.#failed };
  }

  /** The comments on each issue and pull request: `octo-org/hello#1`. */
  comments(): Record<string, readonly string[]> {
    return Object.fromEntries(this.#comments);
  }

  async #answer(request: ApiRequest, seed: number, signal: AbortSignal): Promise<ApiResponse> {
    const [, owner, name, resource, ...rest] = request.path.slice(1).split('/');
    switch (resource) {
      case 'compare':
        // One answer in four never comes in time: the remote hangs.
        if (seed % 4 === 3) await delay(60_000, undefined, { signal });
        return ok({ behind_by: seed % 150 });
      case 'commits':
        if (seed % 4 === 3) await delay(60_000, undefined, { signal });
        return ok({ state: seed % 3 === 0 ? 'failure' : 'success' });
      case 'collaborators':
        return ok([{ login: owner }, { login: 'octocat' }]);
      case 'contents':
        return ok({ maxChangedFiles: 20 });
      case 'issues': {
        const issue = `${owner}/${name}#${rest[0]}`;
        const { body } = request.body as { readonly body: string };
        this.#comments.set(issue, [...(this.#comments.get(issue) ?? []), body]);
        return { status: 201, body: {} };
      }
      default:
        throw new ApiError(404, 'Not Found');
    }
  }
}

const ok = (body: unknown): ApiResponse => ({ status: 200, body });

/** FNV-1a with a final mix, as short texts that differ in their last letter would else differ too little. */
function hash(text: string): number {
  let state = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193);
  state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d);
  return (state ^ (state >>> 13)) >>> 0;
}
