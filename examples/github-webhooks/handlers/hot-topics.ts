import type { EmissionContext } from 'ambus';
import type { BotEvents } from '../events.js';

const hotFrom = 10;

interface Topic {
  readonly html_url: string;
  readonly reactions: { readonly total_count: number };
}

/**
 * Tells when many people react to something. Has a bug, as real handlers do: GitHub's types promise `reactions`,
 * but older GitHub Enterprise Servers leave it out, and then this throws. On the bus that is this handler's failure
 * and nobody else's: the other handlers of the same event run as if nothing had happened.
 */
export function hotTopics(topic: Topic, ctx: EmissionContext<BotEvents>): void {
  const reactions = topic.reactions.total_count;
  if (reactions >= hotFrom) ctx.post('bot.topic_hot', { subject: topic.html_url, reactions });
}
