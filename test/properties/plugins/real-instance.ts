import type { PluginContext } from '../../../src/plugins/index.js';
import type { PluginPlan } from './program.js';

/** A plugin that the real host has set up: its API, too. */
export class RealInstance {
  readonly id: string;
  readonly plan: PluginPlan;
  readonly ctx: PluginContext;
  /** When the time for its setup is up. */
  readonly setupEndsAt: number;
  /** The instances of those that it requires. */
  readonly required = new Set<RealInstance>();
  state: 'in setup' | 'up' | 'down' = 'in setup';
  /** What has been given to `own`, and was not disposed of. */
  readonly owned = new Set<string>();

  constructor(id: string, plan: PluginPlan, ctx: PluginContext, setupEndsAt: number) {
    this.id = id;
    this.plan = plan;
    this.ctx = ctx;
    this.setupEndsAt = setupEndsAt;
  }
}
