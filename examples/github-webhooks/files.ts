import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LineFile } from './line-file.js';

/** The folder that the bot writes to, and plugins with it. */
export class Files {
  /** What an operator reads. */
  readonly log: LineFile;
  readonly #folder: string;

  /** Makes the folder if need be. */
  static async open(folder: string): Promise<Files> {
    await mkdir(folder, { recursive: true });
    return new Files(folder, await LineFile.open(join(folder, 'bot.log')));
  }

  private constructor(folder: string, log: LineFile) {
    this.#folder = folder;
    this.log = log;
  }

  pathOf(name: string): string {
    return join(this.#folder, name);
  }

  /** A file that grows line by line; to be closed by whoever has opened it. */
  openLines(name: string): Promise<LineFile> {
    return LineFile.open(this.pathOf(name));
  }

  /** Writes a whole file. */
  async write(name: string, text: string): Promise<void> {
    await writeFile(this.pathOf(name), text);
  }

  async writeJson(name: string, value: unknown): Promise<void> {
    await this.write(name, `${JSON.stringify(value, undefined, 2)}\n`);
  }

  close(): Promise<void> {
    return this.log.close();
  }
}
