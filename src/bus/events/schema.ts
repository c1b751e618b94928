import type { StandardSchemaV1 } from '@standard-schema/spec';
import { AmbusError, type ErrorCode } from '../../errors.js';
import { show } from '../../internal/assertions.js';
import { adopt, chain, thenOf } from '../../internal/thenable.js';
import type { Declaration } from './event-declaration.js';

const noop = (): void => {};

/** Whether something is a Standard Schema, of whichever library; arktype's are functions. */
export function isSchema(value: unknown): value is StandardSchemaV1 {
  if ((typeof value !== 'object' || value === null) && typeof value !== 'function') return false;
  const standard = (value as { '~standard'?: { validate?: unknown } })['~standard'];
  return typeof standard?.validate === 'function';
}

const passThrough: StandardSchemaV1 = Object.freeze({
  '~standard': Object.freeze({ version: 1, vendor: 'ambus', validate: (value: unknown) => ({ value }) }),
});

/** Whether a schema lets every value through; also one of another copy of this module. */
export function isPassThrough(schema: StandardSchemaV1 | undefined): boolean {
  return schema?.['~standard'].vendor === 'ambus';
}

/**
 * A schema that carries a type and lets every value through: for a place that takes a schema, where
 * there is nothing to validate.
 *
 * @typeParam Type - What the values are taken for.
 * @example
 * ```ts
 * import { defineEvents, EventBus, first, typed } from 'ambus';
 * import * as z from 'zod';
 * const resolve = first(z.object({ id: z.string() }), { answer: typed<URL>() });
 * const bus = new EventBus({ events: defineEvents({ 'path.resolve': resolve }) });
 * bus.on('path.resolve', ({ id }) => new URL(id, 'file:///'));
 * console.log(bus.emitSync('path.resolve', { id: 'a.ts' }).value?.href); // file:///a.ts
 * ```
 */
export function typed<Type>(): StandardSchemaV1<Type> {
  return passThrough as StandardSchemaV1<Type>;
}

/** A value that a schema has passed: in an object, as it may be a promise itself. */
export interface Valid {
  readonly value: unknown;
}

/**
 * Validates a value. Sync where the schema is.
 *
 * @param what - What is validated, for messages: `the payload of "order.placed"`.
 * @param code - The code where the value is invalid.
 * @returns What the schema makes of the value, or a promise of it.
 * @throws `AmbusError` of that code, or `SCHEMA_FAILED`; the promise rejects with them.
 */
export function validate(
  schema: StandardSchemaV1,
  value: unknown,
  what: string,
  code: ErrorCode,
  type: PropertyKey,
): Valid | Promise<Valid> {
  const { vendor } = schema['~standard'];
  const failed = (cause: unknown): AmbusError => {
    const message = `The ${vendor} schema for ${what} failed itself, so that nothing can be said of the value.`;
    return new AmbusError('SCHEMA_FAILED', message, { cause, details: { type, vendor } });
  };
  const conclude = (given: unknown): Valid => {
    const result = given as StandardSchemaV1.Result<unknown> | null | undefined;
    if (result?.issues === undefined) {
      if (typeof result === 'object' && result !== null && 'value' in result) return result;
    } else if (Array.isArray(result.issues)) {
      const { issues } = result;
      throw new AmbusError(code, `Expected ${what} to be valid, but ${listOf(issues)}.`, {
        details: { type, issues, vendor },
      });
    }
    throw failed(new TypeError(`Expected { value } or { issues } of a Standard Schema, got ${show(given)}.`));
  };
  let result: unknown;
  let promise: Promise<unknown> | undefined;
  try {
    result = schema['~standard'].validate(value);
    const then = thenOf(result);
    if (then !== undefined) promise = adopt(result, then);
  } catch (error) {
    throw failed(error);
  }
  if (promise === undefined) return conclude(result);
  return promise.then(conclude, (error: unknown) => {
    throw failed(error);
  });
}

const SHOWN_ISSUES = 5;

function listOf(issues: readonly StandardSchemaV1.Issue[]): string {
  const shown = issues.slice(0, SHOWN_ISSUES).map(describeIssue);
  if (issues.length > shown.length) shown.push(`${issues.length - shown.length} more`);
  return shown.length === 0 ? 'its schema says no more than that it is not' : shown.join('; ');
}

/** Made by foreign code: it may be anything, and throw. */
function describeIssue(issue: Partial<StandardSchemaV1.Issue> | null | undefined): string {
  try {
    const path = Array.isArray(issue?.path) ? (issue.path as readonly unknown[]) : [];
    const keys = path.map((segment) =>
      String(typeof segment === 'object' && segment !== null && 'key' in segment ? segment.key : segment),
    );
    const message = String(issue?.message);
    return keys.length === 0 ? message : `${keys.join('.')}: ${message}`;
  } catch {
    return 'an issue that cannot be shown as text';
  }
}

/** Validates an answer; `sync` where nobody can wait for that. */
export type AnswerCheck = (answer: unknown, sync: boolean) => unknown;

/** What validates the answers to an event, where its declaration has that done. */
export function answerCheck(type: PropertyKey, { kind, schema, settings }: Declaration): AnswerCheck | undefined {
  const answerSchema = settings.validateSteps === true ? schema : settings.answer;
  if (answerSchema === undefined || isPassThrough(answerSchema)) return undefined;
  const what = `an answer to "${String(type)}"`;
  return (answer, sync) => {
    // No answer is none, except for an around, where every handler answers.
    if (answer === undefined && kind !== 'around') return undefined;
    const valid = validate(answerSchema, answer, what, 'INVALID_ANSWER', type);
    if (sync && valid instanceof Promise) {
      valid.catch(noop);
      throw asyncSchema(what, answerSchema['~standard'].vendor, type);
    }
    return chain(valid, ({ value }) => value);
  };
}

/** A schema returned a promise to a caller who can't wait. */
export function asyncSchema(what: string, vendor: string, type: PropertyKey): AmbusError {
  return new AmbusError(
    'ASYNC_IN_SYNC',
    `The ${vendor} schema for ${what} returned a promise, but emitSync cannot wait for it; use emit or dispatch.`,
    { details: { type, vendor } },
  );
}
