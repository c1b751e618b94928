import { orNull } from '../bus/observing/take-snapshot.js';
import { show } from '../internal/assertions.js';
import type { QueueCore } from './core.js';
import type { SlotHolder } from './running/slot-holder.js';
import type { QueueSnapshot, RunningSnapshot } from './snapshot.js';

export function takeQueueSnapshot(core: QueueCore): QueueSnapshot {
  const { bus, counts, lifetime, name, pump, room, settings } = core;
  const { concurrency, paused, running } = pump;
  const { capacity, overflow, rate } = settings;
  const now = bus.clock.now();
  const depths = new Map<number, number>();
  let oldest = Infinity;
  for (const { extras, priority, waitingSince } of room.all()) {
    depths.set(priority, (depths.get(priority) ?? 0) + 1);
    if (extras?.delay === undefined) oldest = Math.min(oldest, waitingSince);
  }
  return {
    name,
    bus: bus.name,
    state: lifetime.state,
    paused,
    concurrency: orNull(concurrency),
    capacity: orNull(capacity),
    overflow,
    ...(rate === undefined ? {} : { rate: { limit: rate.limit, intervalMs: rate.intervalMs } }),
    size: Math.min(room.size, capacity),
    delayed: room.delayed,
    blocked: Math.max(0, room.size - capacity),
    depths: Array.from(depths, ([priority, size]) => ({ priority, size })).sort((a, b) => b.priority - a.priority),
    keys: room.lanes.size,
    oldestWaitMs: oldest === Infinity ? null : now - oldest,
    running: Array.from(running, (holder) => runningSnapshot(holder, now)),
    counts: { ...counts },
  };
}

function runningSnapshot(holder: SlotHolder, now: number): RunningSnapshot {
  const { id, lane, priority, slotInline, slotLate, timing, type } = holder;
  return {
    event: String(type),
    emissionId: id,
    priority,
    ...(lane === null ? {} : { key: typeof lane.key === 'string' ? lane.key : show(lane.key) }),
    waitedMs: timing?.waitedMs ?? 0,
    runningMs: timing === null ? 0 : now - timing.startedAt,
    inline: slotInline,
    late: slotLate,
  };
}
