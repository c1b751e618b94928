import { Subject } from 'rxjs';
import { callSite } from '../generated.mjs';

export function emitSync({ events }) {
  const emits = events.map(({ handlers }) => {
    const subject = new Subject();
    for (const { run } of handlers) subject.subscribe(run);
    return callSite({ subject }, 'subject.next(payload)');
  });
  return { emits };
}
