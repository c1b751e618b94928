import * as z from 'zod';
import { definePlugin } from '../define-plugin.js';
import { signOff } from '../handlers/comments.js';
import { checkBuild, checkDescription, checkSize } from '../handlers/pull-request-checks.js';
import { pullRequestReview, reviewedEvents } from '../handlers/pull-request-review.js';
import { anyMaintainer, codeOwner } from '../handlers/reviewer-pick.js';
import githubApi from './github-api.js';

/** Reviews pull requests as far as a bot can: has them checked, finds a reviewer, and comments. */
export default definePlugin({
  name: 'review',
  version: '2.3.0',
  api: '^1.0',
  // Everything in it may be left out, and so may the whole.
  options: z.object({ signature: z.string().default('the bot') }).prefault({}),
  requires: { 'github-api': '^1.0' },
  // The signature is never cut, and whom the author has asked is asked first. Where there is no such plugin, this has
  // no effect.
  after: ['manners'],

  setup(ctx, { signature }) {
    const github = ctx.api(githubApi);
    ctx.on(reviewedEvents, pullRequestReview(github), { name: 'review' });

    // The first to know a reviewer is heard.
    ctx.on('reviewer.pick', codeOwner, { name: 'code-owner' });
    ctx.on('reviewer.pick', anyMaintainer(github), { name: 'maintainer' });

    // Every check is heard, and none waits for another.
    ctx.on('pull_request.checks', checkDescription, { name: 'check-description' });
    ctx.on('pull_request.checks', checkSize(github), { name: 'check-size' });
    ctx.on('pull_request.checks', checkBuild(github), { name: 'check-build' });

    ctx.on('comment.render', signOff(signature), { name: 'sign-off' });
  },
});
