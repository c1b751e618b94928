import { setBackgroundTimeout } from '../../internal/clock.js';
import type { Entry } from './entry.js';
import type { HostCore } from './host-core.js';

/** Tells observers who is still starting: after a while, then after twice that, and so on. */
export class SlowReport {
  readonly #host: HostCore;
  readonly #entries: readonly Entry[];
  readonly #started: number;
  #afterMs: number;
  #timer: unknown;

  constructor(host: HostCore, entries: readonly Entry[]) {
    this.#host = host;
    this.#entries = entries;
    this.#started = host.bus.clock.now();
    this.#afterMs = host.settings.slowAfterMs;
    this.#wait();
  }

  end(): void {
    this.#host.bus.clock.clearTimeout(this.#timer);
  }

  #wait(): void {
    // A timer is there for those who ask.
    if (this.#afterMs === Infinity || !this.#host.bus.observers.hears('pluginsSlow')) return;
    const { clock } = this.#host.bus;
    const inMs = this.#started + this.#afterMs - clock.now();
    this.#timer = setBackgroundTimeout(
      clock,
      () => {
        this.#tell();
        this.#afterMs *= 2;
        this.#wait();
      },
      Math.max(0, inMs),
    );
  }

  #tell(): void {
    const { bus, name: host, phases } = this.#host;
    const now = bus.clock.now();
    const running = Array.from(phases).filter(({ entry }) => this.#entries.includes(entry));
    const starting = running.map(({ entry, phase, started }) => ({
      plugin: entry.name,
      phase,
      elapsedMs: now - started,
    }));
    const waiting = this.#entries
      .filter((entry) => entry.state === 'starting' && running.every((phase) => phase.entry !== entry))
      .map((entry) => ({ plugin: entry.name, for: this.#missing(entry) }));
    bus.observers.tell('pluginsSlow', { host, elapsedMs: now - this.#started, starting, waiting });
  }

  #missing(entry: Entry): string[] {
    return Array.from(entry.dependencies()).filter((name) => this.#host.find(name)?.state === 'starting');
  }
}
