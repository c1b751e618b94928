/** What the README compares: columns are cases, each against one row, whose figure is therefore 1.00. */
const tables = [
  {
    title: 'Synchronous emission, time against eventemitter3',
    base: 'eventemitter3',
    columns: [
      ['20 types × 5 handlers', 'sync-20x5'],
      ['1 handler', 'sync-1x1'],
      ['10 handlers', 'sync-1x10'],
      ['100 handlers', 'sync-1x100'],
    ],
  },
  {
    title: 'Awaited emission, time against tapable',
    base: 'tapable',
    columns: [
      ['1 sync handler', 'await-sync-1x1'],
      ['10 sync handlers', 'await-sync-1x10'],
      ['20 types × 5, some async', 'await-some-async-20x5'],
      ['10, half async, concurrent', 'await-half-async-1x10'],
      ['10 async in sequence', 'await-async-1x10'],
    ],
  },
  {
    title: 'Handlers that answer, time against what one would write by hand',
    base: 'by hand',
    columns: [
      ['waterfall, 20 × 5', 'waterfall-20x5'],
      ['waterfall, 10 async', 'waterfall-async-1x10'],
      ['first, 20 × 5', 'first-20x5'],
      ['collect, 20 × 5', 'collect-20x5'],
      ['collect, 10, half async', 'collect-half-async-1x10'],
      ['around, 20 × 3', 'around-20x3'],
      ['around, 20 × 3 async', 'around-async-20x3'],
    ],
  },
  {
    title: 'Queued events, time against fastq',
    base: 'fastq',
    columns: [
      ['post, 1,000 wait', 'queue-post-1k'],
      ['post, 100,000 wait', 'queue-post-100k'],
      ['post, 1,000,000 wait', 'queue-post-1m'],
      ['emit, 100,000 wait', 'queue-emit-100k'],
      ['emit, 1,000 awaited at once', 'queue-batches'],
      ['emit, awaited one by one', 'queue-one-by-one'],
    ],
  },
];

/** The median of a row in a case: where a library takes part in several ways, its fastest. */
function fastest(results, caseId, row) {
  const entries = results.find(({ id }) => id === caseId)?.contestants ?? [];
  return Math.min(
    ...entries.filter((entry) => entry.row === row && entry.failure === null).map(({ median }) => median),
  );
}

function table(results, { title, base, columns }) {
  const ids = columns.map(([, id]) => id);
  const entries = results.filter(({ id }) => ids.includes(id)).flatMap(({ contestants }) => contestants);
  const rows = [...new Set(entries.map(({ row }) => row))].filter((row) => row !== null);
  const cell = (row, id) => {
    const [time, yardstick] = [fastest(results, id, row), fastest(results, id, base)];
    return Number.isFinite(time) && Number.isFinite(yardstick) ? (time / yardstick).toFixed(2) : '–';
  };
  return [
    `**${title}** (less is better)`,
    '',
    `| | ${columns.map(([heading]) => heading).join(' | ')} |`,
    `|---|${columns.map(() => '---:|').join('')}`,
    ...rows.map((row) => `| ${row} | ${ids.map((id) => cell(row, id)).join(' | ')} |`),
  ].join('\n');
}

/** The comparison tables of the README. */
export function markdown({ environment, results }) {
  const { node, rounds } = environment;
  const note = `Measured on Node ${node}: medians over ${rounds} processes for each library and case, taken in turn. Figures from one machine: run \`npm run bench\` for yours.`;
  const measured = tables.filter(({ base, columns }) =>
    columns.some(([, id]) => fastest(results, id, base) < Infinity),
  );
  return [...measured.map((one) => table(results, one)), note].join('\n\n');
}
