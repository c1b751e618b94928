import { typed } from 'ambus/plugins';
import * as z from 'zod';
import { definePlugin } from '../define-plugin.js';
import type { Chat } from '../services.js';

const options = z
  .object({
    room: z.string().default('#security'),
    token: z.string().optional(),
  })
  .prefault({});

/**
 * Tells a chat room of secrets that were found. Without a token the chat doesn't let it in: its setup fails, nothing of
 * it is left, and the rest of the bot runs.
 */
export default definePlugin({
  name: 'chat',
  version: '0.4.0',
  api: '^1.0',
  options,
  services: { chat: typed<Chat>() },

  async setup(ctx, { room, token }) {
    const joined = ctx.own(await ctx.services.chat.join(room, token, ctx.signal), (one) => one.leave());
    ctx.log.info(`has joined ${room}`);
    ctx.on('bot.secret_found', ({ subject, kind }) => joined.say(`${kind} in ${subject}`), { name: 'chat' });
  },
});
