import { pluginsFor } from 'ambus/plugins';
import type { BotEvents } from './events.js';

/** What plugins of this bot are written with: it knows the bot's events. */
export const { definePlugin } = pluginsFor<BotEvents>();
