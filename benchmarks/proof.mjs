/** Some turns of the microtask queue: how long a slow handler takes. */
export async function takeTurns() {
  for (let turns = 0; turns < 10; turns += 1) await Promise.resolve();
}

/** Handlers that take their time, in `log`; those of an onion have what is inside of them run in the meantime. */
function slowHandlers(log, kind, nextIsArgument) {
  const inside = (second) => {
    if (kind !== 'around') return undefined;
    return nextIsArgument ? second() : second.next();
  };
  return ['a', 'b'].map((name) => ({
    isAsync: true,
    run: async (_payload, second) => {
      log.push(`${name} starts`);
      await takeTurns();
      await inside(second);
      log.push(`${name} ends`);
    },
  }));
}

/**
 * Proves that a contestant waits for its handlers, and in the order that it is entered with: one that
 * resolved too early, or ran side by side what should run in sequence, would look fast.
 */
export async function proveAwaiting(library, contestant, kind) {
  const log = [];
  const handlers = slowHandlers(log, kind, contestant.nextIsArgument);
  const { emits } = await library.emitAwaited({
    ...contestant,
    kind,
    events: [{ type: 'proof.happened', pattern: 'proof.*', handlers, core: takeTurns }],
  });
  await emits[0]({ step: 1 });

  const expected = {
    sequential: 'a starts, a ends, b starts, b ends',
    concurrent: 'a starts, b starts, a ends, b ends',
    nested: 'a starts, b starts, b ends, a ends',
  }[kind === 'around' ? 'nested' : contestant.order];
  if (log.join(', ') !== expected) {
    throw new Error(`Expected "${contestant.label}" to run handlers as "${expected}", got "${log.join(', ')}".`);
  }
}

/** Proves that each handler was called exactly once by each emission that gets to it, and by no other. */
export function proveCounts({ counts, isReached }, emissions) {
  const expected = (index) => (isReached(index) ? emissions : 0);
  const wrong = counts.findIndex((count, index) => count !== expected(index));
  if (wrong !== -1)
    throw new Error(`Expected handler ${wrong} to have been called ${expected(wrong)} times, got ${counts[wrong]}.`);
}

/** The very same, or a list of the very same: payloads all look alike. */
function isSame(answer, expected) {
  if (!Array.isArray(expected)) return answer === expected;
  return answer.length === expected.length && expected.every((one, index) => one === answer[index]);
}

/** Proves that callers get the answer that the handlers come to. */
export async function proveAnswers({ emits, answerOf = (returned) => returned }, { answerTo }, payloads) {
  for (const emit of emits) {
    for (const payload of payloads) {
      const answer = answerOf(await emit(payload));
      if (!isSame(answer, answerTo(payload))) {
        throw new Error(`Expected the answer to be ${String(answerTo(payload))}, got ${String(answer)}.`);
      }
    }
  }
}
