/** A handler, as far as it matters which of several comes first. */
export interface Listed {
  readonly priority: number;
  /** Of its plugin. */
  readonly place: number;
  /** How many handlers were subscribed before it. */
  readonly age: number;
}

/**
 * What the design says of hosts in a sentence, one by one, so that a wrong sentence can be put in the place of each:
 * that is how it is shown that these tests can fail.
 */
export interface HostRules {
  /** Below zero where `a` is called before `b`. */
  readonly order: (a: Listed, b: Listed) => number;
  /** Whether plugins are set up after those that they make use of, if these are there. */
  readonly setupHeedsOptional: boolean;
  readonly heedsBefore: boolean;
  readonly heedsAfter: boolean;
  /** Whether a wish counts for more than that one of the two needs the other. */
  readonly wishesBeatNeeds: boolean;
  /** Whether ranges of versions are looked at. */
  readonly heedsVersions: boolean;

  /** Whether independent setups run at the same time. */
  readonly setupsOverlap: boolean;
  /** Whether the handlers of a plugin are heard before the others are set up. */
  readonly heardOnceSetUp: boolean;
  /** Whether a failing setup has the signals of the others abort. */
  readonly failureAbortsOthers: boolean;
  /** Whether a plugin whose setup has failed has its `teardown` called. */
  readonly failedIsTornDown: boolean;
  /** Whether a start that fails tears down what was set up. */
  readonly rollsBack: boolean;
  /** Whether what requires a plugin that has failed is started all the same, under `continue`. */
  readonly failureBlocks: boolean;
  /** In which order `ready` runs, of plugins in the order of their setup. */
  readonly readyOrder: <T>(plugins: readonly T[]) => readonly T[];
  /** Whether a setup may take no longer than its limit. */
  readonly limitsSetup: boolean;

  /** Which resource is the next to go. */
  readonly nextResource: <T>(resources: T[]) => T | undefined;
  /** Whether each resource waits for the one before it. */
  readonly resourcesInTurn: boolean;
  /** Whether resources go after the teardown, or before it. */
  readonly resourcesGoLast: boolean;
  /** Whether plugins are torn down after those that need them. */
  readonly dependantsGoFirst: boolean;
  /** Whether plugins that don't need each other are torn down at the same time. */
  readonly teardownsOverlap: boolean;
  /** Whether handlers that run are waited for. */
  readonly drains: boolean;
  /** Whether the handler that takes its own plugin out is waited for. */
  readonly waitsForItself: boolean;
  /** Whether the signal aborts when the handlers that run have ended, or before. */
  readonly abortsAfterDrain: boolean;
  /** Whether handlers of what is taken out are skipped in emissions under way. */
  readonly skipsTakenOut: boolean;

  /** Whether emissions under way still call those that were replaced. */
  readonly retiresReplaced: boolean;
  /** Whether a failing replacement leaves the old one. */
  readonly failedReplacementKeepsOld: boolean;
  /** Whether taking a plugin out is refused where others depend on it. */
  readonly refusesDependants: boolean;
  /** Whether what was blocked comes back when it can. */
  readonly unblocks: boolean;
  /** Whether changes wait for each other. */
  readonly changesInTurn: boolean;
  /** Whether a plugin whose enabling failed is as it was. */
  readonly failedEnablingKeepsState: boolean;
}

export const DESIGN: HostRules = {
  order: (a, b) => b.priority - a.priority || a.place - b.place || a.age - b.age,
  setupHeedsOptional: true,
  heedsBefore: true,
  heedsAfter: true,
  wishesBeatNeeds: true,
  heedsVersions: true,
  setupsOverlap: true,
  heardOnceSetUp: true,
  failureAbortsOthers: true,
  failedIsTornDown: false,
  rollsBack: true,
  failureBlocks: true,
  readyOrder: (plugins) => plugins,
  limitsSetup: true,
  nextResource: (resources) => resources.pop(),
  resourcesInTurn: true,
  resourcesGoLast: true,
  dependantsGoFirst: true,
  teardownsOverlap: true,
  drains: true,
  waitsForItself: false,
  abortsAfterDrain: true,
  skipsTakenOut: true,
  retiresReplaced: true,
  failedReplacementKeepsOld: true,
  refusesDependants: true,
  unblocks: true,
  changesInTurn: true,
  failedEnablingKeepsState: true,
};
