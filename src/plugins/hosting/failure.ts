import { PluginError, PluginsError } from '../plugin-error.js';

/** What a change fails with: the error itself where there is one, all of them where there are several. */
export function failureOf(errors: readonly PluginError[]): PluginError | PluginsError {
  const [first] = errors;
  if (first !== undefined && errors.length === 1) return first;
  const list = errors.map(({ message }) => `\n- ${message}`).join('');
  return new PluginsError(`${errors.length} things went wrong with plugins:${list}`, errors);
}

/** An error, with what else went wrong until everything was undone. */
export function withRollback(error: PluginError, rollbackErrors: readonly PluginError[]): PluginError {
  if (rollbackErrors.length === 0) return error;
  const { cause, code, details, message } = error;
  return new PluginError(code, message, error, { cause, details, rollbackErrors });
}
