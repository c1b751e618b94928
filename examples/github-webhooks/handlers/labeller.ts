import type { HandlerContext } from 'ambus';
import type { BotEvents } from '../events.js';
import { type Labelled, labelsFor } from '../legacy/labels-for.js';

export const labelledEvents = [
  'issues.opened',
  'issues.edited',
  'issues.transferred',
  'pull_request.opened',
  'pull_request.reopened',
  'push',
] as const;

type LabelledEvent = (typeof labelledEvents)[number];

/** Puts the legacy labeller on the bus. Synchronous, as the labeller is: the bus doesn't mind either way. */
export function labeller(_payload: unknown, ctx: HandlerContext<BotEvents, LabelledEvent>): void {
  const { subject, ...labelled } = describe(ctx);
  const labels = labelsFor(labelled);
  // `ctx.post` rather than `bus.post`: the new event then knows which delivery it comes from.
  if (labels.length > 0) ctx.post('bot.labels_suggested', { subject, labels });
}

/** Checking `ctx.type` narrows `ctx.payload`: one handler for several events needs no casts. */
function describe(ctx: HandlerContext<BotEvents, LabelledEvent>): Labelled & { subject: string } {
  const repository = ctx.payload.repository.full_name;
  switch (ctx.type) {
    case 'push': {
      const { ref, commits } = ctx.payload;
      const paths = commits.flatMap((commit) => [...commit.added, ...commit.modified]);
      return { subject: `${repository}@${ref}`, body: commits.map((commit) => commit.message).join('\n'), paths };
    }
    case 'pull_request.opened':
    case 'pull_request.reopened': {
      const { number, title, body } = ctx.payload.pull_request;
      return { subject: `${repository}#${number}`, title, body };
    }
    default: {
      const { number, title, body } = ctx.payload.issue;
      return { subject: `${repository}#${number}`, title, body };
    }
  }
}
