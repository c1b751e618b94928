import { typed } from 'ambus/plugins';
import * as z from 'zod';
import { definePlugin } from '../define-plugin.js';
import { apiEvents } from '../events.js';
import { GithubApi } from '../github-api.js';
import { apiCache } from '../handlers/api-cache.js';
import { apiRetry } from '../handlers/api-retry.js';
import type { Github } from '../services.js';

const options = z
  .object({
    attempts: z.int().min(1).default(3),
    backoffMs: z.number().nonnegative().default(5),
  })
  .prefault({});

/**
 * Asks GitHub, for the plugins that require this one. Brings along the event `api.call`, around every request: other
 * plugins may put a handler around it too.
 */
export default definePlugin({
  name: 'github-api',
  version: '1.4.2',
  api: '^1.0',
  options,
  services: { github: typed<Github>() },
  declares: apiEvents,

  setup(ctx, retries) {
    // The first is the outermost: what the cache answers is never tried again.
    ctx.on('api.call', apiCache(), { name: 'api-cache' });
    ctx.on('api.call', apiRetry(retries), { name: 'api-retry' });
    // What dependants get by `ctx.api`.
    return new GithubApi(ctx.services.github.send);
  },
});
