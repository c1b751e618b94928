import type { Files } from './files.js';
import type { Send } from './github-api.js';

/** What the bot offers its plugins; each gets those that it asks for, and no others. */
export interface BotServices {
  readonly files: PluginFiles;
  readonly github: Github;
  readonly chat: Chat;
}

/** The folder that the bot writes to; closing it is the bot's affair. */
export type PluginFiles = Pick<Files, 'openLines' | 'writeJson'>;

/** GitHub, as far as a program can reach it: it sends requests. */
export interface Github {
  readonly send: Send;
}

/** A chat. */
export interface Chat {
  /** Rejects where the token isn't good for the room. */
  join(room: string, token: string | undefined, signal: AbortSignal): Promise<ChatRoom>;
}

/** A room of the chat, as long as one is in it. */
export interface ChatRoom {
  say(text: string): Promise<void>;
  leave(): Promise<void>;
}
