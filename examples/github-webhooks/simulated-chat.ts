import { appendFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Chat, ChatRoom } from './services.js';

/** Stands in for a chat as {@link SimulatedGithub} does for GitHub: what is said is in a file. */
export class SimulatedChat implements Chat {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  async join(room: string, token: string | undefined, signal: AbortSignal): Promise<ChatRoom> {
    // As long as it takes to ask the server.
    await delay(5, undefined, { signal });
    if (!token) throw new Error(`Nobody may join ${room} without a token`);
    const say = (text: string): Promise<void> => appendFile(this.#file, `${room}: ${text}\n`);
    return { say, leave: () => say('Goodbye.') };
  }
}
