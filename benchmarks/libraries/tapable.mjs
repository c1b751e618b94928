import tapable from 'tapable';
import { answeringSite, callSite } from '../generated.mjs';

/**
 * tapable has a hook for each event. Who taps says whether a handler is async; `unknowing` is for those
 * who can't say, as is the case for the handlers of others, and so make a promise of everything.
 */
function makeHooks(Hook, events, unknowing = false) {
  return events.map(({ handlers }) => {
    const hook = new Hook(['payload']);
    for (const { run, isAsync } of handlers) {
      if (isAsync) hook.tapPromise('handler', run);
      else if (unknowing) hook.tapPromise('handler', async (payload) => run(payload));
      else hook.tap('handler', run);
    }
    return hook;
  });
}

/** `verb` is the kind of hook. */
export function emitSync({ events, verb = 'SyncHook', kind }) {
  const site = kind === undefined ? callSite : answeringSite;
  return { emits: makeHooks(tapable[verb], events).map((hook) => site({ hook }, 'hook.call(payload)')) };
}

/** `verb` is the kind of hook. */
export function emitAwaited({ events, verb, unknowing }) {
  return {
    emits: makeHooks(tapable[verb], events, unknowing).map((hook) => callSite({ hook }, 'hook.promise(payload)')),
  };
}
