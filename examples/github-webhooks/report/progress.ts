import type { WriteStream } from 'node:tty';

/** A line on the terminal that says how far things are; on anything that is no terminal, nothing. */
export class Progress {
  readonly #terminal: WriteStream;
  readonly #state: () => string;
  readonly #timer: NodeJS.Timeout | undefined;

  /** @param state - Says how far things are; asked ten times a second. */
  constructor(terminal: WriteStream, state: () => string) {
    this.#terminal = terminal;
    this.#state = state;
    if (terminal.isTTY) this.#timer = setInterval(() => this.#draw(), 100).unref();
  }

  /** Prints a line that stays, above the progress. */
  note(line: string): void {
    this.#clear();
    this.#terminal.write(`${line}\n`);
  }

  end(): void {
    clearInterval(this.#timer);
    this.#clear();
  }

  #draw(): void {
    this.#clear();
    // A line that wraps could not be cleared any more. Some terminals say that they are 0 wide.
    this.#terminal.write(this.#state().slice(0, (this.#terminal.columns || 80) - 1));
  }

  #clear(): void {
    if (!this.#terminal.isTTY) return;
    this.#terminal.cursorTo(0);
    this.#terminal.clearLine(0);
  }
}
