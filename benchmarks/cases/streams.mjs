import { emitteryStream, nodeStream, stream } from '../contestants.mjs';
import { defineCase } from './define-case.mjs';

export const streams = [
  defineCase('stream-bursts', 'stream: 100,000 events in bursts of 100, read by for await', {
    workload: 'streaming',
    shape: { events: 100_000, burst: 100 },
    yardstick: nodeStream,
    contestants: [stream, emitteryStream, nodeStream],
  }),
  defineCase('stream-backlog', 'stream: 100,000 events at once, then read by for await', {
    workload: 'streaming',
    shape: { events: 100_000, burst: 100_000 },
    yardstick: nodeStream,
    contestants: [stream, emitteryStream, nodeStream],
  }),
];
