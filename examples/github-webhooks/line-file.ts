import type { WriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { finished } from 'node:stream/promises';

/** A file that grows line by line. */
export class LineFile {
  readonly #stream: WriteStream;
  #drained: Promise<void> | undefined;
  #error: Error | undefined;

  /** Makes the file if need be, else adds to it. */
  static async open(path: string): Promise<LineFile> {
    return new LineFile((await open(path, 'a')).createWriteStream());
  }

  private constructor(stream: WriteStream) {
    this.#stream = stream;
    // Kept for whoever writes next: an `error` event that nobody hears would end the process.
    this.#stream.on('error', (error) => {
      this.#error = error;
    });
  }

  /**
   * @returns A promise where the disk is behind and the caller should wait before it writes more.
   * @throws What an earlier write has failed with.
   */
  write(line: string): void | Promise<void> {
    if (this.#error !== undefined) throw this.#error;
    if (this.#stream.write(`${line}\n`)) return;
    // Shared by all who wait, else each one would add a listener of its own.
    this.#drained ??= new Promise<void>((resolve) => {
      this.#stream.once('drain', resolve).once('close', resolve);
    }).then(() => {
      this.#drained = undefined;
    });
    return this.#drained;
  }

  /** Rejects with what a write has failed with. */
  async close(): Promise<void> {
    this.#stream.end();
    if (this.#error === undefined) await finished(this.#stream);
    if (this.#error !== undefined) throw this.#error;
  }
}
