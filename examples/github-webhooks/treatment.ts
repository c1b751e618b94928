import type { UseSettings } from 'ambus/plugins';

/** How the bot hosts one of its plugins. */
export interface Treatment {
  /** What the plugin itself may be told. */
  readonly options?: unknown;
  /** What holds for it whether it knows or not. */
  readonly settings?: UseSettings;
}

/** Who isn't named here is hosted as he is. */
const treatments: Readonly<Record<string, Treatment>> = {
  chat: { options: { token: process.env['CHAT_TOKEN'] } },
  'github-api': { options: { attempts: 3, backoffMs: 5 } },
  labeller: {
    settings: {
      filter: ({ payload }) => (payload as { readonly sender: { readonly type: string } }).sender.type !== 'Bot',
      // Nobody knows any more what it might do besides: it hears what it is for, and says what it is for.
      allow: { on: ['issues.*', 'pull_request.*', 'push'], emit: ['bot.labels_suggested'] },
    },
  },
  // It takes what time GitHub takes, and so has a limit.
  'stale-branches': { settings: { timeoutMs: 500 } },
};

export function treatmentOf(plugin: string): Treatment {
  return treatments[plugin] ?? {};
}
