import pLimit from 'p-limit';
import { enqueueSite } from './enqueue-site.mjs';

/** It has promises only, and nothing that tells when it is idle: for those who wait for each. */
export function queueing({ events, slots }) {
  const limit = pLimit(slots);
  return {
    sites: events.map(({ handlers: [{ run }] }) => enqueueSite({ limit, run }, 'limit(run, payload)')),
    hold: (run) => limit(run),
    drained: () => limit(() => {}),
  };
}
