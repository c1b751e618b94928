import { createRequire } from 'node:module';
import type { WebhookDefinition } from '@octokit/webhooks-examples';
import { type Delivery, deliveryOf } from './delivery.js';

/** The payloads that the package `@octokit/webhooks-examples` has collected from github.com and Enterprise Servers. */
export function octokitExamples(): Delivery[] {
  // The package is one JSON file; `import` of JSON still warns on Node 20.
  const definitions: WebhookDefinition[] = createRequire(import.meta.url)('@octokit/webhooks-examples');
  return definitions.flatMap(({ name, examples }) =>
    examples.map((payload, index) => deliveryOf(`${name}-${index + 1}`, name, payload)),
  );
}
