import type { DispatchCompiler, DispatchParts, GeneratingCompiler } from '../bus/dispatching/compiler.js';
import type { Plan, PlanRunner } from '../bus/dispatching/plan.js';
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
        return makeFactory(parts.plan)(parts);
      } catch {
        // Forbidden, in whichever way: the bus's own loop does it.
        active = false;
        return undefined;
      }
    },
  };
  return compiler;
}

/** What differs between the dispatchers of the kinds, as text. */
interface Parts {
  /** For every emission. */
  readonly shared: string;
  /** Before the first handler of one. */
  readonly begin: string;
  /** Takes what the handler at a position has returned, where that is neither undefined nor a thenable. */
  readonly take: (index: number) => string;
  /** When every handler has run. */
  readonly end: string;
  /** What is handed on besides where something is out of the ordinary. */
  readonly answers: string;
}

function partsOf({ asked, contextFree, kind, listensTo }: Plan): Parts {
  const count = asked.length;
  const concluded = (called: number): string =>
    `{ scope.depth = depth; return conclude(plan, ctx, answers, ${called}); }`;
  switch (kind) {
    case 'broadcast':
      return {
        shared: '',
        begin: '',
        take: () => '',
        end: `${contextFree ? '' : 'ctx.flags |= settled;'} plan.runs++; return ok;`,
        answers: 'null',
      };
    case 'waterfall': {
      // Known here rather than asked of its answers: each answer is the next payload, and no more.
      const result = `makeResult(type, ${count}, ok.skipped, false, ok.failures, payload, ok.values, undefined)`;
      return {
        shared: 'const answers = makeAnswers();',
        begin: '',
        take: (index) => (asked[index] ? `payload = ${contextFree ? '' : 'ctx.payload = '}returned;` : ''),
        end: `${contextFree ? '' : 'ctx.flags |= settled;'} plan.runs++; return ${result};`,
        answers: 'answers',
      };
    }
    default:
      return {
        shared: '',
        begin: 'const answers = makeAnswers();',
        take: (index) => {
          if (asked[index] !== true) return '';
          const rest = listensTo <= index ? `if (core.epoch === epoch) ${concluded(index + 1)}` : '';
          return `answers.take(plan, ctx, ${index}, returned); if (answers.complete) { ${rest} break run; }`;
        },
        end: concluded(count),
        answers: 'answers',
      };
  }
}

/** The text of `runPlan` or `runAnswering` in `bus/dispatch.ts` for one plan, its loop unrolled. */
function makeFactory(plan: Plan): Factory {
  const { contextFree, kind } = plan;
  const { answers, begin, end, shared, take } = partsOf(plan);
  const positions = Array.from({ length: plan.handlers.length }, (_, index) => index);
  const calls = positions.map(
    (index) => `
      ${index === 0 ? '' : `index = ${index};`}
      returned = handler${index}(payload${contextFree ? '' : ', ctx'});
      if (returned !== undefined) {
        if ((then = thenOf(returned)) !== undefined) break run;
        ${take(index)}
      }
      if (core.epoch !== epoch) break run;`,
  );
  const makeContext = 'new Context(plan, payload, parent, flags)';
  // Without a handler that can see one it is made only to leave with, and for the answers that are kept by it.
  const leavesOnly = contextFree && (kind === 'broadcast' || kind === 'waterfall');
  const context = leavesOnly ? makeContext : 'ctx';
  const source = `'use strict';
const { scope, orphans, Context, settled, thenOf, leave, leaveThrown, makeAnswers, conclude, makeResult } = parts;
const { core, ok, handlers, type } = parts.plan;
const [${positions.map((index) => `handler${index}`).join(', ')}] = handlers;
${shared}
return function ambusDispatch${++generated}(plan, payload, flags, parent) {
  const epoch = core.epoch;
  const mark = orphans.length;
  const { depth } = scope;
  ${leavesOnly ? '' : `const ctx = ${makeContext};`}
  ${begin}
  let index = 0, returned, then;
  scope.depth = depth + 1;
  run: {
    try {${calls.join('')}
    } catch (error) {
      scope.depth = depth;
      return leaveThrown(plan, ${context}, epoch, mark, index, error, ${answers});
    }
    scope.depth = depth;
    ${end}
  }
  scope.depth = depth;
  return leave(plan, ${context}, epoch, mark, index, returned, then, ${answers});
};`;
  return new Function('parts', source) as Factory;
}
