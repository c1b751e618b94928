/** Three digits are more than the noise leaves. */
function figure(value) {
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : value.toFixed(value >= 10 ? 1 : 2);
}

/** What a budget allows or a contestant took: a ratio, or a figure in the unit of the case. */
function share(value, { against }) {
  return against === null ? figure(value) : value.toFixed(2);
}

function verdict(budget) {
  const { ratio, met, atMost } = budget;
  const outcome = ratio === null ? 'not measured' : met ? 'pass' : 'MISS';
  return [`<= ${share(atMost, budget)}`, outcome];
}

/** The ratio and what it is against. */
function comparison(budget) {
  const { ratio, against } = budget;
  if (against === null) return ['', ''];
  return [ratio === null ? '-' : share(ratio, budget), `x ${against}`];
}

/** The rows of one contestant: one for each of its budgets, or one against the yardstick. */
function rowsOf(entry, { contestants, budgets, yardstick }) {
  if (entry.failure !== null) return [[entry.label, 'failed']];
  const figures = [entry.label, figure(entry.median), `${figure(entry.p25)} - ${figure(entry.p75)}`];
  const own = budgets.filter(({ of }) => of === entry.label);
  const against = contestants.find(({ label }) => label === yardstick);
  if (own.length > 0) {
    return own.map((one, index) => [...(index === 0 ? figures : ['', '', '']), ...comparison(one), ...verdict(one)]);
  }
  if (against?.median === undefined || entry.label === yardstick) return [figures];
  return [[...figures, (entry.median / against.median).toFixed(2), `x ${yardstick}`]];
}

/** Columns side by side; figures, which are the second to the fourth column, flush right. */
function align(rows) {
  const widths = rows.reduce(
    (wide, row) => row.map((cell, column) => Math.max(cell.length, wide[column] ?? 0)).concat(wide.slice(row.length)),
    [],
  );
  return rows.map((row) =>
    row
      .map((cell, column) => (column >= 1 && column <= 3 ? cell.padStart(widths[column]) : cell.padEnd(widths[column])))
      .join('  ')
      .trimEnd(),
  );
}

/** One case as a table for the terminal. */
export function caseTable(result) {
  const heading = ['library', result.unit, 'p25 - p75', 'ratio', 'against', 'budget', ''];
  const rows = result.contestants.flatMap((entry) => rowsOf(entry, result));
  const failures = result.contestants
    .filter(({ failure }) => failure !== null)
    .map(({ label, failure }) => `  ${label} failed: ${failure}`);
  return [`${result.title}  [${result.id}]`, ...align([heading, ...rows]).map((line) => `  ${line}`), ...failures].join(
    '\n',
  );
}

/** All budgets in a few lines, the missed ones by name. */
export function summary(results) {
  const budgets = results.flatMap(({ id, budgets: own }) => own.map((one) => ({ id, ...one })));
  const missed = budgets.filter(({ met }) => !met);
  const lines = missed.map((budget) => {
    const { id, of, against, atMost, ratio } = budget;
    const got = ratio === null ? 'not measured' : share(ratio, budget);
    return `  ${id}: ${of}${against === null ? '' : ` / ${against}`} ${got}, budget ${share(atMost, budget)}`;
  });
  return [
    `${budgets.length - missed.length} of ${budgets.length} budgets met${missed.length > 0 ? '; missed:' : '.'}`,
    ...lines,
  ].join('\n');
}

/** The cases and budgets without figures, for `--list`. */
export function listing(cases) {
  return cases
    .map(({ id, title, unit, budgets }) =>
      [
        `${id}  ${title}`,
        ...budgets.map((budget) => {
          const { of, against, atMost } = budget;
          return `    ${of} <= ${share(atMost, budget)} ${against === null ? unit : `x ${against}`}`;
        }),
      ].join('\n'),
    )
    .join('\n');
}
