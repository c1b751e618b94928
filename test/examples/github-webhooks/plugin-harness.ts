import { createRequire } from 'node:module';
import type { EventBus } from 'ambus';
import { PluginHost, type PluginObject } from 'ambus/plugins';
import type { BotEvents } from '../../../examples/github-webhooks/events.js';
import githubApi from '../../../examples/github-webhooks/plugins/github-api.js';
import type { BotServices } from '../../../examples/github-webhooks/services.js';

/** Written in plain JavaScript: what it is nobody has said. */
export const manners = createRequire(import.meta.url)(
  '../../../examples/github-webhooks/plugins/manners.cjs',
) as PluginObject<BotEvents>;

const nowhere = (): never => {
  throw new Error('no such service here');
};

const noServices: BotServices = {
  files: { openLines: nowhere, writeJson: nowhere },
  github: { send: nowhere },
  chat: { join: nowhere },
};

/** A host with the plugin that others require; each test uses those that it is about. */
export function hostOf(bus: EventBus<BotEvents>, services: Partial<BotServices> = {}) {
  return new PluginHost<BotEvents, BotServices>(bus, { services: { ...noServices, ...services } }).use(githubApi);
}
