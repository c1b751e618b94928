import { Heap, type Heaped } from './heap.js';
import type { Lane } from './lane.js';
import { LinkedList } from './linked-list.js';
import type { QueuedEvent } from './queued-event.js';

/** What waits at one priority. */
export class Bucket implements Heaped {
  readonly priority: number;
  position = -1;
  /** Events without a key: in order, as each joins behind those that are there. */
  readonly events: LinkedList<QueuedEvent> = new LinkedList();
  /** Lanes whose key is free. They come back in the middle, where their next event has its place. */
  readonly lanes: Heap<Lane> = new Heap((a, b) => a.sequence < b.sequence);

  constructor(priority: number) {
    this.priority = priority;
  }

  get empty(): boolean {
    return this.events.first === null && this.lanes.size === 0;
  }
}

/**
 * What may start as soon as there is a slot: by priority, and among equals in the order of joining. A
 * bucket for each priority, the buckets in a heap, so that its cost grows with the number of
 * different priorities alone, and with their logarithm.
 */
export class ReadyOrder {
  private readonly buckets = new Map<number, Bucket>();
  private readonly highest: Heap<Bucket> = new Heap((a, b) => a.priority > b.priority);

  addEvent(event: QueuedEvent): void {
    const bucket = this.bucketOf(event.priority);
    bucket.events.append(event);
    event.bucket = bucket;
  }

  removeEvent(event: QueuedEvent): void {
    const bucket = event.bucket as Bucket;
    bucket.events.remove(event);
    event.bucket = null;
    this.tidy(bucket);
  }

  addLane(lane: Lane): void {
    const bucket = this.bucketOf(lane.priority);
    lane.sequence = (lane.events.first as QueuedEvent).sequence;
    bucket.lanes.add(lane);
    lane.bucket = bucket;
  }

  removeLane(lane: Lane): void {
    const bucket = lane.bucket as Bucket;
    bucket.lanes.remove(lane);
    lane.bucket = null;
    this.tidy(bucket);
  }

  /** The event that is next to start, if any may. */
  get next(): QueuedEvent | null {
    const bucket = this.highest.top;
    if (bucket === undefined) return null;
    const lane = bucket.lanes.top;
    const event = bucket.events.first;
    if (lane !== undefined && (event === null || lane.sequence < event.sequence)) return lane.events.first;
    return event;
  }

  *[Symbol.iterator](): Generator<Bucket> {
    yield* this.highest;
  }

  private bucketOf(priority: number): Bucket {
    let bucket = this.buckets.get(priority);
    if (bucket === undefined) {
      const { top } = this.highest;
      if (top?.empty === true) this.forget(top);
      bucket = new Bucket(priority);
      this.buckets.set(priority, bucket);
      this.highest.add(bucket);
    }
    return bucket;
  }

  /** The last bucket stays when it becomes empty, to be there for the next event of its priority. */
  private tidy(bucket: Bucket): void {
    if (bucket.empty && this.highest.size > 1) this.forget(bucket);
  }

  private forget(bucket: Bucket): void {
    this.buckets.delete(bucket.priority);
    this.highest.remove(bucket);
  }
}
