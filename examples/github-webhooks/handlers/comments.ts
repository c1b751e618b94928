import type { Comment } from '../events.js';
import { withoutSecrets } from '../secrets.js';

// Each gets the comment as the one before has left it, and knows nothing of the others. Which comes first is for their
// plugins to say.

/** Bots quote people, and people paste secrets. */
export function maskSecrets(comment: Comment): Comment {
  return { ...comment, body: withoutSecrets(comment.body) };
}

/** Says who writes. */
export function signOff(name: string) {
  return (comment: Comment): Comment => ({ ...comment, body: `${comment.body}\n\n-- ${name}` });
}
