// Written for the bot's predecessor, which called functions by the names of events, and used as it is. Plain and
// synchronous; knows nothing of ambus.
import { labelsFor } from '../legacy/labels-for.js';

interface Payload {
  readonly repository: { readonly full_name: string };
  readonly issue?: Described;
  readonly pull_request?: Described;
  readonly ref?: string;
  readonly commits?: readonly Commit[];
}

interface Described {
  readonly number: number;
  readonly title: string;
  readonly body: string | null;
}

interface Commit {
  readonly message: string;
  readonly added: readonly string[];
  readonly modified: readonly string[];
}

interface Tools {
  post(event: string, payload: object): void;
}

function labeller(payload: Payload, tools: Tools): void {
  const { subject, ...labelled } = describe(payload);
  const labels = labelsFor(labelled);
  if (labels.length > 0) tools.post('bot.labels_suggested', { subject, labels });
}

function describe({ repository, issue, pull_request, ref, commits = [] }: Payload) {
  const described = issue ?? pull_request;
  if (described !== undefined) {
    const { number, title, body } = described;
    return { subject: `${repository.full_name}#${number}`, title, body };
  }
  const paths = commits.flatMap((commit) => [...commit.added, ...commit.modified]);
  return { subject: `${repository.full_name}@${ref}`, body: commits.map((commit) => commit.message).join('\n'), paths };
}

export default {
  name: 'labeller',
  handlers: {
    'issues.opened': labeller,
    'issues.edited': labeller,
    'issues.transferred': labeller,
    'pull_request.opened': labeller,
    'pull_request.reopened': labeller,
    push: labeller,
  },
};
