import type { Comment } from '../events.js';
import { withoutSecrets } from '../secrets.js';

// Each gets the comment as the one before has left it, and knows nothing of the others. Which comes first is said
// where they are subscribed, by their priority.

/** Bots quote people, and people paste secrets. */
export function maskSecrets(comment: Comment): Comment {
  return { ...comment, body: withoutSecrets(comment.body) };
}

/** Keeps a comment short. Returns nothing where there is nothing to change: the comment then stays as it is. */
export function truncate(maxLength: number) {
  return (comment: Comment): Comment | undefined => {
    if (comment.body.length <= maxLength) return undefined;
    return { ...comment, body: `${comment.body.slice(0, maxLength - 3)}...` };
  };
}

/** Says who writes. */
export function signOff(name: string) {
  return (comment: Comment): Comment => ({ ...comment, body: `${comment.body}\n\n-- ${name}` });
}
