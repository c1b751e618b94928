import type { HandlerContext } from 'ambus';
import type { ApiRequest, ApiResponse, BotEvents } from '../events.js';

/**
 * Answers what has been asked before: a handler of an `around` need not call `next`. Those who ask while the answer is
 * still under way share it.
 */
export function apiCache() {
  const answers = new Map<string, Promise<ApiResponse>>();
  return (request: ApiRequest, ctx: HandlerContext<BotEvents, 'api.call'>): ApiResponse | Promise<ApiResponse> => {
    if (request.method !== 'GET' || request.cache === 'no-store') return ctx.next();
    const known = answers.get(request.path);
    // Whoever asked first may have given up since; that is no answer to us.
    if (known !== undefined) return known.catch(() => ctx.next());
    const asked = Promise.resolve(ctx.next());
    answers.set(request.path, asked);
    asked.catch(() => answers.delete(request.path));
    return asked;
  };
}
