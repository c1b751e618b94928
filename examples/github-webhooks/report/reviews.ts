import type { PayloadOf } from 'ambus';
import type { BotEvents } from '../events.js';

/** Counts what the bot's reviews came to: a handler of `bot.review_posted`. */
export class Reviews {
  #posted = 0;
  readonly #pickedBy = new Map<string, number>();
  readonly #foundBy = new Map<string, number>();

  readonly add = ({ pickedBy, foundBy }: PayloadOf<BotEvents, 'bot.review_posted'>): void => {
    this.#posted++;
    if (pickedBy !== undefined) count(this.#pickedBy, pickedBy);
    for (const check of foundBy) count(this.#foundBy, check);
  };

  get posted(): number {
    return this.#posted;
  }

  /** How many reviewers each handler of `reviewer.pick` has picked. */
  get pickedBy(): ReadonlyMap<string, number> {
    return this.#pickedBy;
  }

  /** How often each handler of `pull_request.checks` has found something. */
  get foundBy(): ReadonlyMap<string, number> {
    return this.#foundBy;
  }
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
