import {
  ambus,
  avvioNested,
  avvioSorted,
  bareGroups,
  compiled,
  hostingLoop,
  hostingPromises,
  pluginHost,
  pluginObjects,
  pluginSetups,
  tapableSync,
} from '../contestants.mjs';
import { again, defineCase, variant } from './define-case.mjs';

const THOUSAND = 1_000;
const TEN_THOUSAND = 10_000;

const pluginsOf = (number) => `${number.toLocaleString('en-US')} plugins`;

/** Each requires three others. */
const hostOf = (number) => ({ plugins: number, dependencies: 3 * number });

const fromDefinitions = (contestant) => variant(contestant, 'definitions made before', { timed: ['start'] });
const withStop = (contestant) => variant(contestant, 'start, stop', { timed: ['define', 'start', 'stop'] });
const cold = (contestant) => variant(contestant, 'the first one of its process', { isCold: true });
const withTimeLimits = (contestant) => variant(contestant, 'with time limits', { timeLimitMs: 10_000 });

function starting(setup) {
  return defineCase(`plugins-start-${setup}`, `start: 1,000 plugins with 3,000 dependencies, ${setup} setups`, {
    workload: 'starting',
    shape: { ...hostOf(THOUSAND), setup },
    yardstick: avvioSorted,
    contestants: [
      pluginHost,
      fromDefinitions(pluginHost),
      withStop(pluginHost),
      cold(pluginHost),
      avvioSorted,
      withTimeLimits(avvioSorted),
      withStop(avvioSorted),
      cold(avvioSorted),
      avvioNested,
      hostingLoop,
      hostingPromises,
      withStop(hostingLoop),
      cold(hostingLoop),
    ],
    budgets: [
      [pluginHost, avvioSorted, 3],
      [withStop(pluginHost), withStop(avvioSorted), 3],
    ],
  });
}

const sized = (contestant, number) => variant(contestant, pluginsOf(number), hostOf(number));
const sizedWithStop = (contestant, number) =>
  variant(contestant, `${pluginsOf(number)}, start, stop`, { ...hostOf(number), timed: ['define', 'start', 'stop'] });
const chained = (contestant, number) =>
  variant(contestant, `${pluginsOf(number)} in a chain`, { ...hostOf(number), isChain: true });

/** What a plugin of ten times as many may cost: the memory is slower then, also for a loop by hand. */
const LINEAR = 2.5;

const bare = { ...ambus, label: 'ambus, bare handlers' };
const bareCompiled = { ...compiled, label: 'ambus/compiled, bare handlers' };
const compiledSetups = {
  ...pluginSetups,
  label: 'ambus/compiled, plugins with setup',
  compiled: true,
  provesGenerated: true,
};
const used = (label, useSettings) => variant(pluginSetups, label, { useSettings });
const grouped = (label, subscribeOptions) => variant(bareGroups, label, { subscribeOptions });
/** What a host may ask of each plugin, and a subscription by itself, none of which ever says no here. */
const restricted = [
  used('confined to patterns', { allow: { on: ['*.happened'], emit: ['*.happened'] } }),
  used('with a filter', { filter: () => true }),
  used('with a time limit', { timeoutMs: 10_000 }),
  used('with a priority', { priority: 1 }),
  grouped('with a filter', { filter: () => true }),
  grouped('with a time limit', { timeoutMs: 10_000 }),
];

const someAsync = (type, handler) => type % 2 === 0 && handler === (type / 2) % 5;

/** Ten plugins' handlers against as many that are subscribed without a host. */
function emitting(id, title, { workload, shape, rows = [], budgets = [] }) {
  return defineCase(id, title, {
    workload,
    shape,
    yardstick: bare,
    contestants: [bare, again(bare), bareGroups, pluginSetups, pluginObjects, ...rows],
    budgets: [[pluginSetups, bare, 1.05], [pluginObjects, bare, 1.05], ...budgets],
  });
}

const depended = (dependants) => ({
  ...pluginHost,
  row: null,
  label: `${dependants.toLocaleString('en-US')} dependants`,
  dependants,
});

/** Plugins in the form in which they are written, or what one has in their place without a host. */
const inForm = (label, form, rest) => ({ ...pluginHost, row: null, label, form, ...rest });
const groupsAlone = inForm('bare groups', 'group');
const objects = inForm('plugins with handlers', 'handlers');
const setups = inForm('plugins with setup', 'setup');
const replacedGroups = inForm('groups swapped by hand', 'group');
const undisturbed = inForm('nothing is replaced', 'handlers', { isIdle: true });
const onceInThousand = inForm('a plugin for 1,000 emissions', 'handlers');
const onceInTenThousand = inForm('a plugin for 10,000 emissions', 'handlers', { emissionsEach: TEN_THOUSAND });
const groupInThousand = inForm('a group by hand for 1,000 emissions', 'group');

export const plugins = [
  starting('sync'),
  starting('async'),
  defineCase('plugins-start-waiting', 'start: 200 plugins with 600 dependencies, each setup waits for 10 ms', {
    workload: 'waiting',
    shape: { plugins: 200, dependencies: 600, waitMs: 10 },
    yardstick: hostingPromises,
    contestants: [pluginHost, avvioSorted, hostingLoop, hostingPromises],
    budgets: [[pluginHost, hostingPromises, 1.1]],
  }),
  defineCase('plugins-growth', 'start: 10,000 plugins against 1,000, sync setups', {
    workload: 'starting',
    shape: { setup: 'sync' },
    yardstick: sized(pluginHost, THOUSAND),
    contestants: [
      sized(pluginHost, THOUSAND),
      sized(pluginHost, TEN_THOUSAND),
      sizedWithStop(pluginHost, THOUSAND),
      sizedWithStop(pluginHost, TEN_THOUSAND),
      chained(pluginHost, THOUSAND),
      chained(pluginHost, TEN_THOUSAND),
      { ...sized(pluginHost, TEN_THOUSAND), label: 'ambus: 10,000 plugins, async setups', setup: 'async' },
      sized(avvioSorted, THOUSAND),
      sized(avvioSorted, TEN_THOUSAND),
      sized(hostingLoop, THOUSAND),
      sized(hostingLoop, TEN_THOUSAND),
    ],
    budgets: [
      [sized(pluginHost, TEN_THOUSAND), sized(pluginHost, THOUSAND), LINEAR],
      [sizedWithStop(pluginHost, TEN_THOUSAND), sizedWithStop(pluginHost, THOUSAND), LINEAR],
    ],
  }),
  emitting('plugins-emit-1x10', 'emitSync: 1 type with 10 sync handlers, of 10 plugins', {
    workload: 'sync',
    shape: { types: 1, handlers: 10 },
    rows: [bareCompiled, compiledSetups, tapableSync],
  }),
  emitting('plugins-emit-20x5', 'emitSync: 20 types with 5 sync handlers each, of 10 plugins, in turn', {
    workload: 'sync',
    shape: { types: 20, handlers: 5 },
    rows: [bareCompiled, compiledSetups, ...restricted, tapableSync],
    budgets: [[compiledSetups, bareCompiled, 1.05]],
  }),
  emitting('plugins-await-20x5', 'await emit: 20 types with 5 handlers each, some async, of 10 plugins, in turn', {
    workload: 'awaited',
    shape: { types: 20, handlers: 5, isAsync: someAsync },
  }),
  defineCase('plugins-switch', 'disable and enable: a plugin that 1,000 others require, against 100', {
    workload: 'switching',
    shape: {},
    yardstick: depended(100),
    contestants: [depended(100), depended(THOUSAND)],
    budgets: [[depended(THOUSAND), depended(100), LINEAR]],
  }),
  defineCase('plugins-memory', 'memory of an active plugin with one handler, of 10,000', {
    workload: 'pluginMemory',
    shape: { plugins: TEN_THOUSAND },
    yardstick: groupsAlone,
    contestants: [
      inForm('bare handlers', 'bare'),
      groupsAlone,
      objects,
      setups,
      inForm('plugins with setup and 3 dependencies', 'setup', { dependenciesEach: 3 }),
      { ...avvioSorted, row: null, label: 'avvio' },
    ],
    budgets: [
      [objects, groupsAlone, 3],
      [setups, groupsAlone, 4.5],
    ],
  }),
  defineCase('plugins-replace', 'replace: one of 5 plugins with 20 handlers, with 1,000 emissions meanwhile', {
    workload: 'replacing',
    shape: { emissionsEach: THOUSAND },
    yardstick: replacedGroups,
    contestants: [
      objects,
      setups,
      inForm('plugins with handlers: none emitted', 'handlers', { emissionsEach: 0 }),
      inForm('plugins with handlers: one emission under way', 'handlers', { isUnderWay: true }),
      inForm('plugins with handlers: among 1,000 others', 'handlers', { others: THOUSAND }),
      replacedGroups,
      inForm('groups swapped by hand: one emission under way', 'group', { isUnderWay: true }),
    ],
    budgets: [[objects, replacedGroups, 6]],
  }),
  defineCase(
    'plugins-emit-replacing',
    'emitSync: 20 types with 5 sync handlers each, of 5 plugins, one of them replaced',
    {
      workload: 'emittingMeanwhile',
      shape: { emissionsEach: THOUSAND },
      yardstick: undisturbed,
      contestants: [undisturbed, again(undisturbed), onceInThousand, onceInTenThousand, groupInThousand],
      budgets: [
        [onceInTenThousand, undisturbed, 1.3],
        [onceInThousand, groupInThousand, 1.25],
      ],
    },
  ),
];
