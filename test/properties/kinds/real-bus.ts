import { compiled } from '../../../src/compiled/index.js';
import {
  around,
  type BusOptions,
  broadcast,
  collect,
  defineEvents,
  EventBus,
  first,
  type SubscribeOptions,
  waterfall,
} from '../../../src/index.js';
import type { Emitting, Handle, HandlerFunction, MakeBus, PlayedBus, PlayedOptions } from './played-bus.js';
import type { KindProgram, SettingsPlan, Target } from './program.js';

/** The real thing. */
export const realBus: MakeBus = (program, { clock, onFailure }) => {
  const { way, ...settings } = program.bus;
  const bus = new EventBus<Record<string, unknown>>({
    ...settings,
    clock,
    onFailure,
    maxHandlers: 0,
    lateMs: Infinity,
    // Whose types are not known here: what is generated names its events only at run time.
    events: declared(program) as BusOptions['events'],
    ...(way === 'compiled' ? { compiler: compiled({ after: 0 }) } : {}),
    ...(way === 'limited' ? { timeoutMs: 2e9 } : {}),
    ...(way === 'traced' ? { asyncContext: 'always' } : {}),
  });
  const ignore = () => undefined;
  if (way === 'observed') {
    bus.observe({ emissionSettled: ignore, handlerStarted: ignore, handlerSettled: ignore, handlerSkipped: ignore });
  }
  // Nor can the compiler know which events have a core.
  const emitting = bus as unknown as Emitting;
  const groups = program.groups.map((place, i) => bus.group(`group${i}`, { place }));
  const played: PlayedBus = {
    emit: (...given) => emitting.emit(...given),
    emitSync: (...given) => emitting.emitSync(...given),
    dispatch: (...given) => emitting.dispatch(...given),
    post: (...given) => emitting.post(...given),
    event: (type) => bus.event(type) as Handle,
    subscribe(target, handler, { group, ...options }) {
      return subscribed(group === undefined ? bus : (groups[group] ?? bus), target, handler, options);
    },
    act(index, act) {
      const group = groups[index];
      if (group === undefined || group.state === 'removed') return;
      if (group.state !== 'retired' || act === 'remove') group[act]();
    },
    get counts() {
      const { failures, timeouts, lateSettled, dropped, late, inFlight } = bus.inspect().counts;
      return { failures, timeouts, lateSettled, dropped, late, inFlight };
    },
  };
  return played;
};

function declared({ events }: KindProgram): unknown {
  const fanOut = ({ mode, concurrency, failurePolicy }: SettingsPlan) => ({ mode, concurrency, failurePolicy });
  const inOrder = ({ failurePolicy }: SettingsPlan) => ({ failurePolicy });
  return defineEvents({
    'page.seen': broadcast<unknown>(fanOut(events['page.seen'])),
    'page.render': waterfall<unknown>(inOrder(events['page.render'])),
    'page.find': first<unknown, unknown>(inOrder(events['page.find'])),
    'page.check': collect<unknown, unknown>(fanOut(events['page.check'])),
    'page.load': around<unknown, unknown>(inOrder(events['page.load'])),
  });
}

/** Subscribes with the verb that goes with the target; `once` stands for `times: 1` where it can. */
function subscribed(
  on: Pick<EventBus, 'on' | 'once' | 'onAny'>,
  target: Target,
  handler: HandlerFunction,
  { times, filter, ...rest }: Omit<PlayedOptions, 'group'>,
): () => void {
  const options = { ...rest, filter: filter as SubscribeOptions['filter'] };
  if (target.kind === 'any') return on.onAny(handler, { ...options, times });
  // A union of the types' overloads can't be called: the compiler wants to know which.
  if (target.kind === 'list') {
    return times === 1 ? on.once(target.names, handler, options) : on.on(target.names, handler, { ...options, times });
  }
  return times === 1 ? on.once(target.name, handler, options) : on.on(target.name, handler, { ...options, times });
}
