import { setTimeout as delay } from 'node:timers/promises';

/** What the bot asks GitHub. */
export interface GithubApi {
  /** How many commits a branch lacks of the default branch. */
  commitsBehind(repository: string, branch: string, delivery: string, signal: AbortSignal): Promise<number>;
}

/**
 * Stands in for GitHub's API, so that the example needs no network and no token. How long an answer takes and what
 * it says depend on the question alone: every run sees the same slow answers.
 */
export const simulatedGithub: GithubApi = {
  async commitsBehind(repository, branch, delivery, signal) {
    const seed = hash(`${repository} ${branch} ${delivery}`);
    // One answer in four never comes in time: the remote hangs.
    await delay(seed % 4 === 3 ? 60_000 : 2 + (seed % 10), undefined, { signal });
    return seed % 150;
  },
};

/** FNV-1a with a final mix, as short texts that differ in their last letter would else differ too little. */
function hash(text: string): number {
  let state = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193);
  state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d);
  return (state ^ (state >>> 13)) >>> 0;
}
