import * as z from 'zod';
import { definePlugin } from '../define-plugin.js';
import { branchEvents, staleBranchChecker } from '../handlers/stale-branches.js';
import githubApi from './github-api.js';

/** Tells of branches that have fallen behind. How long it may take for that is the host's to say. */
export default definePlugin({
  name: 'stale-branches',
  version: '1.0.3',
  api: '^1.0',
  options: z.object({ staleFrom: z.int().positive().default(100) }).prefault({}),
  requires: { 'github-api': '^1.2' },

  setup(ctx, { staleFrom }) {
    ctx.on(branchEvents, staleBranchChecker(ctx.api(githubApi), staleFrom), { name: 'stale-branches' });
  },
});
