import { typed } from 'ambus/plugins';
import { definePlugin } from '../define-plugin.js';
import { auditLog } from '../handlers/audit-log.js';
import { isOfGithub, PullRequestBoard } from '../handlers/pull-request-board.js';
import type { PluginFiles } from '../services.js';

/** Writes down what happens: every event in `audit.jsonl`, and in the end where each pull request is. */
export default definePlugin({
  name: 'records',
  version: '2.1.0',
  api: '^1.0',
  services: { files: typed<PluginFiles>() },
  // Made anew each time that the plugin is set up.
  state: () => ({ board: new PullRequestBoard() }),

  async setup(ctx) {
    const { board } = ctx.state;
    // From here on it is the host's to close: when the plugin is torn down, and also when the rest of this fails.
    const audit = ctx.own(await ctx.services.files.openLines('audit.jsonl'), (file) => file.close());
    // First of all comes the audit log: what happened is on record before anything is done about it. `before` would
    // not do: it has this plugin's handlers start first, and a priority of its own has the others wait for them.
    ctx.onAny(auditLog(audit), { name: 'audit-log', priority: 100 });

    // A pattern hears every event that it matches, of whichever kind, and never takes part in their answers. The one
    // that it hears besides GitHub's is the bot's own, and moves nothing on the board.
    ctx.on(
      'pull_request.*',
      (_payload, heard) => {
        if (isOfGithub(heard)) board.follow(heard);
      },
      { name: 'pull-request-board' },
    );
  },

  // When the last handler has run, and before the files are closed.
  async teardown({ services, state }) {
    await services.files.writeJson('board.json', state.board);
  },
});
