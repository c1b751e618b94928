/** How much something that is logged matters. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** What a plugin has logged. */
export interface LogEntry {
  readonly plugin: string;
  readonly level: LogLevel;
  readonly message: string;
  readonly details: unknown;
}

/** Writes a line: `details` is whatever belongs to the message, an error for instance. */
export type WriteLog = (message: string, details?: unknown) => void;

/** A plugin's log. */
export type PluginLog = { readonly [Level in LogLevel]: WriteLog };
