import { setTimeout as delay } from 'node:timers/promises';
import type { HandlerContext } from 'ambus';
import type { ApiRequest, ApiResponse, BotEvents } from '../events.js';
import { ApiError } from '../github-api.js';

/**
 * Tries again where the fault is on GitHub's side: `ctx.next` may be called once more when it has failed. A failure
 * that is caught here is none of the emission's.
 */
export function apiRetry({ attempts, backoffMs }: { readonly attempts: number; readonly backoffMs: number }) {
  return async (_request: ApiRequest, ctx: HandlerContext<BotEvents, 'api.call'>): Promise<ApiResponse> => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await ctx.next();
      } catch (error) {
        const isTheirs = error instanceof ApiError && error.status >= 500;
        if (!isTheirs || attempt === attempts) throw error;
        await delay(attempt * backoffMs, undefined, { signal: ctx.signal });
      }
    }
  };
}
