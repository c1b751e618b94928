import type { WebhookEventName } from '@octokit/webhooks-types';

// Types are gone at run time, so that the names have to be written down once more. `Record` makes the compiler
// refuse this file when one is missing or misspelt.
const githubEventTypes: Record<WebhookEventName, true> = {
  branch_protection_configuration: true,
  branch_protection_rule: true,
  check_run: true,
  check_suite: true,
  code_scanning_alert: true,
  commit_comment: true,
  create: true,
  custom_property: true,
  custom_property_values: true,
  delete: true,
  dependabot_alert: true,
  deploy_key: true,
  deployment: true,
  deployment_protection_rule: true,
  deployment_review: true,
  deployment_status: true,
  discussion: true,
  discussion_comment: true,
  fork: true,
  github_app_authorization: true,
  gollum: true,
  installation: true,
  installation_repositories: true,
  installation_target: true,
  issue_comment: true,
  issues: true,
  label: true,
  marketplace_purchase: true,
  member: true,
  membership: true,
  merge_group: true,
  meta: true,
  milestone: true,
  org_block: true,
  organization: true,
  package: true,
  page_build: true,
  ping: true,
  project: true,
  project_card: true,
  project_column: true,
  projects_v2_item: true,
  public: true,
  pull_request: true,
  pull_request_review: true,
  pull_request_review_comment: true,
  pull_request_review_thread: true,
  push: true,
  registry_package: true,
  release: true,
  repository: true,
  repository_dispatch: true,
  repository_import: true,
  repository_vulnerability_alert: true,
  secret_scanning_alert: true,
  secret_scanning_alert_location: true,
  security_advisory: true,
  sponsorship: true,
  star: true,
  status: true,
  team: true,
  team_add: true,
  watch: true,
  workflow_dispatch: true,
  workflow_job: true,
  workflow_run: true,
};

/** Those that are about somebody's security. */
const securityEventTypes: ReadonlySet<string> = new Set<WebhookEventName>([
  'code_scanning_alert',
  'dependabot_alert',
  'repository_vulnerability_alert',
  'secret_scanning_alert',
  'secret_scanning_alert_location',
  'security_advisory',
]);

/** `issues` of `issues.opened`. */
export function typeOf(name: string): string {
  const dot = name.indexOf('.');
  return dot === -1 ? name : name.slice(0, dot);
}

/** Whether an event, such as `dependabot_alert.created`, is about security. */
export function isSecurityEvent(name: string): boolean {
  return securityEventTypes.has(typeOf(name));
}

/** Whether GitHub sends events of this type, such as `issues`. */
export function isGithubEventType(type: string): boolean {
  return Object.hasOwn(githubEventTypes, type);
}
