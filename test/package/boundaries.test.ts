import { describe, expect, it } from 'vitest';
import { valueCycles, violations } from './boundaries.js';
import { graphOf, readGraph } from './module-graph.js';
import { root } from './repository.js';

const sources = readGraph(`${root}src`);

describe('the sources', () => {
  it('import in one direction only, each vendor in its own folder', () => {
    expect(violations(sources)).toEqual([]);
  });

  it('have no circle of value imports', () => {
    expect(valueCycles(sources)).toEqual([]);
  });

  it('import only files that exist', () => {
    const paths = new Set(sources.map((module) => module.path));
    const missing = sources.flatMap((module) =>
      module.imports
        .filter(({ target }) => target !== undefined && !paths.has(target))
        .map(({ specifier }) => specifier),
    );
    expect(missing).toEqual([]);
  });

  it('really were read', () => {
    expect(sources.map((module) => module.path)).toContain('index.ts');
    expect(sources.flatMap((module) => module.imports).length).toBeGreaterThan(0);
  });
});

describe('the check of boundaries', () => {
  it.each([
    ['the bus from internals', 'internal/clock.ts', "import { EventBus } from '../bus/event-bus.js';"],
    ['a plugin from the bus', 'bus/event-bus.ts', "import { PluginHost } from '../plugins/host.js';"],
    ['even a type of a plugin from the bus', 'bus/event-bus.ts', "import type { Plugin } from '../plugins/plugin.js';"],
    ['a type in an import(…) type', 'bus/event-bus.ts', "export type P = import('../plugins/plugin.js').Plugin;"],
    ['one extension from another', 'queue/event-queue.ts', "import { PluginHost } from '../plugins/host.js';"],
    ['one observer from another', 'observers/pino/index.ts', "export { x } from '../prometheus/index.js';"],
    ['testing from the core entry', 'index.ts', "export { ManualClock } from './testing/manual-clock.js';"],
    ['the command line from the inspector', 'inspector/index.ts', "const cli = await import('../cli/run.js');"],
    ['values of the bus from the compiler', 'compiled/index.ts', "import { EventBus } from '../bus/event-bus.js';"],
    ['an inline type, which loads the module', 'compiled/index.ts', "import { type Plan } from '../bus/plan.js';"],
    ['eventemitter3 outside of the bus', 'internal/channel.ts', "import { EventEmitter } from 'eventemitter3';"],
    ['p-queue outside of the queue', 'bus/event-bus.ts', "import PQueue from 'p-queue';"],
    ['a subpath of a package that nobody declared', 'bus/event-bus.ts', "import x from '@scope/package/sub';"],
    ['ambus by its public name', 'testing/index.ts', "import { EventBus } from 'ambus';"],
    ['Node from the bus', 'bus/context.ts', "import { AsyncLocalStorage } from 'node:async_hooks';"],
    ['Node from the bus with require', 'bus/context.ts', "const hooks = require('node:async_hooks');"],
  ])('refuses %s', (_what, path, text) => {
    expect(violations(graphOf({ [path]: text }))).toEqual([expect.stringContaining(`${path} imports `)]);
  });

  it.each([
    ['new Function', "export const f = new Function('return 1');"],
    ['Function as a call', "export const f = Function('return 1');"],
    ['eval', "export const one = eval('1');"],
    ['Function through globalThis', "export const f = new globalThis.Function('return 1');"],
  ])('refuses %s outside of the compiler', (_what, text) => {
    expect(violations(graphOf({ 'bus/plan.ts': text }))).toEqual(['bus/plan.ts makes code from text']);
  });

  it('refuses a folder that has no place in the order', () => {
    expect(violations(graphOf({ 'utils/index.ts': '' }))).toEqual([expect.stringContaining('is in no layer')]);
  });

  it.each([
    ['the bus its vendor', 'bus/lifecycle.ts', "import { EventEmitter } from 'eventemitter3';"],
    ['the queue its vendor', 'queue/event-queue.ts', "import PQueue from 'p-queue';"],
    ['the compiler types of the bus', 'compiled/index.ts', "import type { Plan } from '../bus/plan.js';"],
    ['the compiler to make code', 'compiled/index.ts', "export const f = new Function('return 1');"],
    ['testing the clock', 'testing/manual-clock.ts', "import type { Clock } from '../internal/clock.js';"],
    ['an adapter its contract', 'transports/nats/index.ts', "import type { Transport } from '../contract.js';"],
    ['workers Node', 'workers/pool.ts', "import { Worker } from 'node:worker_threads';"],
    ['a module its neighbour', 'observers/pino/index.ts', "import { line } from './line.js';"],
  ])('allows %s', (_what, path, text) => {
    expect(violations(graphOf({ [path]: text }))).toEqual([]);
  });
});

describe('the check of cycles', () => {
  it('finds a circle of value imports and names its path', () => {
    const graph = graphOf({
      'bus/a.ts': "import { b } from './b.js';",
      'bus/b.ts': "export { c } from './c.js';",
      'bus/c.ts': "const a = import('./a.js');",
    });
    expect(valueCycles(graph)).toEqual(['bus/a.ts → bus/b.ts → bus/c.ts → bus/a.ts']);
  });

  it('finds a module that imports itself', () => {
    expect(valueCycles(graphOf({ 'bus/a.ts': "import './a.js';" }))).toEqual(['bus/a.ts → bus/a.ts']);
  });

  it('lets types be circular', () => {
    const graph = graphOf({
      'bus/a.ts': "import { b } from './b.js';",
      'bus/b.ts': "import type { A } from './a.js'; export type { A } from './a.js';",
    });
    expect(valueCycles(graph)).toEqual([]);
  });

  it('lets two ways lead to the same module', () => {
    const graph = graphOf({
      'bus/a.ts': "import './b.js'; import './c.js';",
      'bus/b.ts': "import './d.js';",
      'bus/c.ts': "import './d.js';",
      'bus/d.ts': '',
    });
    expect(valueCycles(graph)).toEqual([]);
  });
});
