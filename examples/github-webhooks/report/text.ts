import type { Summary } from './summary.js';

const indent = '  ';
const gap = '    ';

/** The summary for people, at most `width` columns wide where that is possible. */
export function summaryText(summary: Summary, width: number): string {
  return [
    headline(summary),
    section('Events by type', inColumns(summary.eventsByType, width)),
    section("The bot's own events", inColumns(summary.ownEvents, width)),
    section('Queue', queueLines(summary)),
    section('Plugins', pluginTable(summary)),
    section('Handlers', handlerTable(summary)),
    section('Reviews', reviewLines(summary)),
    section("GitHub's API", apiLines(summary)),
    section('Failures', [...summary.failures.map(failureText), ...summary.pluginFailures.map(pluginFailureText)]),
    closeText(summary),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function headline({
  events,
  eventsByType,
  durationMs,
  eventsPerSecond,
  interrupted,
  badLines,
  unknownTypes,
}: Summary): string {
  const types = Object.keys(eventsByType).length;
  const seconds = (durationMs / 1_000).toFixed(2);
  const lines = [`${plural(events, 'event')} of ${plural(types, 'type')} in ${seconds} s: ${eventsPerSecond} events/s`];
  if (interrupted) lines.push('Interrupted: this is what came until then.');
  if (badLines > 0) lines.push(`${plural(badLines, 'bad line')} left out.`);
  if (unknownTypes.length > 0) lines.push(`Not among GitHub's types: ${unknownTypes.join(', ')}.`);
  return lines.join('\n');
}

function queueLines({ queue: { capacity, mostWaiting, waits } }: Summary): string[] {
  const rows = waits.filter(({ count }) => count > 0);
  if (rows.length === 0) return [];
  return [
    ...table(
      ['events', 'count', 'p50 wait ms', 'p95 wait ms', 'longest wait ms'],
      rows.map(({ events, count, p50Ms, p95Ms, longestMs }) => [
        events,
        String(count),
        p50Ms.toFixed(2),
        p95Ms.toFixed(2),
        longestMs.toFixed(2),
      ]),
    ),
    `${mostWaiting} waited at most, and there is room for ${capacity}`,
  ];
}

function pluginTable({ plugins }: Summary): string[] {
  const lines = table(
    ['plugin', 'version', 'state', 'setup ms', 'handlers'],
    plugins.map(({ name, version, state, setupMs, handlers }) => [
      name,
      version ?? '-',
      state,
      setupMs?.toFixed(2) ?? '-',
      String(handlers),
    ]),
  );
  // Not a column like the others: it is long where there is one, and mostly there is none.
  return lines.map((line, row) => [line, row === 0 ? 'reason' : plugins[row - 1]?.reason].filter(Boolean).join('  '));
}

function handlerTable({ handlers }: Summary): string[] {
  return table(
    ['handler', 'calls', 'failures', 'timeouts', 'skipped', 'p50 ms', 'p95 ms'],
    handlers.map((row) => [
      row.handler,
      String(row.calls),
      String(row.failures),
      String(row.timeouts),
      String(row.skipped),
      row.calls === 0 ? '-' : row.p50Ms.toFixed(2),
      row.calls === 0 ? '-' : row.p95Ms.toFixed(2),
    ]),
  );
}

function reviewLines({ reviews: { posted, pickedBy, foundBy } }: Summary): string[] {
  if (posted === 0) return [];
  const list = (counts: Readonly<Record<string, number>>): string => {
    const entries = Object.entries(counts).map(([name, count]) => `${name} ${count}`);
    return entries.length === 0 ? 'none' : entries.join(', ');
  };
  return [`posted          ${posted}`, `reviewers from  ${list(pickedBy)}`, `findings from   ${list(foundBy)}`];
}

function apiLines({ api: { calls, fromCache, requests, failedRequests } }: Summary): string[] {
  if (calls === 0) return [];
  return [
    `${plural(calls, 'call')}: ${fromCache} answered by the cache, ${plural(requests, 'request')} sent, ${failedRequests} of them failed`,
  ];
}

function failureText({ handler, reason, count, events }: Summary['failures'][number]): string {
  return `${count} x ${handler}: ${reason}${events.length > 0 ? `\n    in ${events.join(', ')}` : ''}`;
}

function pluginFailureText({ plugin, phase, reason }: Summary['pluginFailures'][number]): string {
  return `${plugin}, ${phase}: ${reason}`;
}

function closeText({ close: { drained, left, unfinished }, out }: Summary): string {
  const lines = [
    drained
      ? 'The queue, the plugins and the bus have closed: nothing was left unfinished.'
      : 'The queue, the plugins and the bus have closed, unfinished:',
  ];
  if (left > 0) lines.push(`  ${plural(left, 'event')} that had not been handled: left.jsonl has them`);
  for (const { event, handlers } of unfinished) lines.push(`  ${event}: ${handlers.join(', ')}`);
  lines.push(`audit.jsonl, notifications.txt, comments.json, board.json and bot.log are in ${out}`);
  return lines.join('\n');
}

function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : `${title}\n${lines.map((line) => indent + line).join('\n')}`;
}

/** The first column to the left, numbers to the right. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  const widths = head.map((title, column) => Math.max(...[head, ...rows].map((row) => (row[column] ?? title).length)));
  return [head, ...rows].map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  '),
  );
}

/** Names with their counts, down the columns as `ls` does it. */
function inColumns(counts: Readonly<Record<string, number>>, width: number): string[] {
  const entries = Object.entries(counts);
  const nameWidth = Math.max(0, ...entries.map(([name]) => name.length));
  const countWidth = Math.max(0, ...entries.map(([, count]) => String(count).length));
  const cells = entries.map(([name, count]) => `${name.padEnd(nameWidth)} ${String(count).padStart(countWidth)}`);
  const columns = Math.max(
    1,
    Math.floor((width + gap.length - indent.length) / (nameWidth + 1 + countWidth + gap.length)),
  );
  const rows = Math.ceil(cells.length / columns);
  return Array.from({ length: rows }, (_, row) => cells.filter((_, index) => index % rows === row).join(gap));
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
