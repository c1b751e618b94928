import type { DispatchCompiler, DispatchParts, GeneratingCompiler } from '../bus/compiler.js';
import type { PlanRunner } from '../bus/plan.js';
import { assertCount, assertOptions } from '../internal/assertions.js';

/** When a dispatcher is generated, and for what. */
export interface CompiledOptions {
  /**
   * After how many emissions on unchanged subscriptions an event gets its dispatcher: making one
   * costs some 50 microseconds, which is earned back after a few hundred emissions. @default 2_000
   */
  readonly after?: number | undefined;
  /** The most handlers that an event may have; more stay with the loop. @default 64 */
  readonly maxHandlers?: number | undefined;
}

type Factory = (parts: DispatchParts) => PlanRunner;

/** Functions of the same source text share what V8 learns of them, unless their names differ. */
let generated = 0;

/**
 * Generates a dispatcher for each event that is emitted often, with one call site per handler, so
 * that V8 can inline what a loop over an array can't. Every semantic stays: what is out of the
 * ordinary leaves into the same code as without.
 *
 * The text that is compiled holds positions only, nothing from outside. Where code generation is
 * forbidden (a content security policy without `unsafe-eval`) the bus goes on with its own loop, and
 * `inspect().compiler.active` says so.
 *
 * @returns The `compiler` option of a bus; buses may share one.
 * @throws `AmbusError` `INVALID_OPTION`, `UNKNOWN_OPTION`, `INVALID_ARGUMENT`.
 * @example
 * ```ts
 * import { EventBus } from 'ambus';
 * import { compiled } from 'ambus/compiled';
 * const bus = new EventBus<{ tick: number }>({ compiler: compiled() });
 * bus.on('tick', (n) => n + 1);
 * for (let n = 0; n < 3_000; n++) bus.emitSync('tick', n);
 * console.log(bus.inspect().events[0]?.compiled); // true
 * ```
 */
export function compiled(options?: CompiledOptions): DispatchCompiler {
  assertOptions('compiled', options, ['after', 'maxHandlers']);
  assertCount('compiled', 'after', options?.after, 0);
  assertCount('compiled', 'maxHandlers', options?.maxHandlers, 1);
  const maxHandlers = options?.maxHandlers ?? 64;
  let active = true;
  const compiler: GeneratingCompiler = {
    name: 'ambus/compiled',
    after: options?.after ?? 2_000,
    get active() {
      return active;
    },
    compile(parts) {
      const count = parts.plan.handlers.length;
      if (!active || count === 0 || count > maxHandlers) return undefined;
      try {
        return makeFactory(count, parts.plan.contextFree)(parts);
      } catch {
        // Forbidden, in whichever way: the bus's own loop does it.
        active = false;
        return undefined;
      }
    },
  };
  return compiler;
}

/** The text of `runPlan` in `bus/dispatch.ts` for a plan of `count` handlers, its loop unrolled. */
function makeFactory(count: number, contextFree: boolean): Factory {
  const positions = Array.from({ length: count }, (_, index) => index);
  const calls = positions.map(
    (index) => `
      ${index === 0 ? '' : `index = ${index};`}
      returned = handler${index}(payload${contextFree ? '' : ', ctx'});
      if ((returned !== undefined && (then = thenOf(returned)) !== undefined) || core.epoch !== epoch) break run;`,
  );
  const makeContext = 'new Context(plan, payload, parent, flags)';
  const context = contextFree ? makeContext : 'ctx';
  const source = `'use strict';
const { scope, orphans, Context, settled, thenOf, leave, leaveThrown } = parts;
const { core, ok, handlers } = parts.plan;
const [${positions.map((index) => `handler${index}`).join(', ')}] = handlers;
return function ambusDispatch${++generated}(plan, payload, flags, parent) {
  const epoch = core.epoch;
  const mark = orphans.length;
  const { depth } = scope;
  ${contextFree ? '' : `const ctx = ${makeContext};`}
  let index = 0, returned, then;
  scope.depth = depth + 1;
  run: {
    try {${calls.join('')}
    } catch (error) {
      scope.depth = depth;
      return leaveThrown(plan, ${context}, epoch, mark, index, error);
    }
    scope.depth = depth;
    ${contextFree ? '' : 'ctx.flags |= settled;'}
    plan.runs++;
    return ok;
  }
  scope.depth = depth;
  return leave(plan, ${context}, epoch, mark, index, returned, then);
};`;
  return new Function('parts', source) as Factory;
}
