import type { Combined, ModelEmission, Turn } from './model-emission.js';
import { drive, type Steps } from './steps.js';

interface LineAnswer {
  readonly place: number;
  readonly name: string;
  readonly value: unknown;
}

/** Calls one handler after the other, or several at a time: all kinds but the onion. */
export function* answerInLine(emission: ModelEmission): Steps<Combined> {
  const { bus, kind, options, rules, turns, type } = emission;
  const settings = [options, bus.program.events[type], bus.program.bus];
  const mode = settings.find((each) => each.mode !== undefined)?.mode ?? 'sequential';
  const concurrency = settings.find((each) => each.concurrency !== undefined)?.concurrency ?? Infinity;
  const limit = rules.limit(kind, mode, concurrency);
  const answers: LineAnswer[] = [];
  const running = new Set<Promise<void>>();
  let tier: number | undefined;
  for (const turn of turns) {
    const { priority } = turn.subscription;
    const most = mode === 'tiered' && priority !== tier ? 1 : limit;
    while (running.size >= most) yield Promise.race(running);
    tier = priority;
    const run = drive(take(emission, turn, answers));
    if (run instanceof Promise) {
      running.add(run);
      void run.then(() => running.delete(run));
    }
  }
  while (running.size > 0) yield Promise.race(running);
  return combined(emission, answers);
}

function* take(emission: ModelEmission, turn: Turn, answers: LineAnswer[]): Steps<void> {
  const { kind, rules } = emission;
  const isAnswered = kind === 'first' && answers.length > 0;
  if (isAnswered && !(turn.takesPart ? rules.asksOn : rules.listensOn)) return;
  const admitted = emission.admits(turn);
  if (admitted === false) return;
  const outcome = admitted === true ? yield* emission.call(turn) : admitted;
  if (outcome.failed) {
    emission.bus.counts.failures++;
    emission.keep(outcome.failure);
  } else if (turn.takesPart && kind === 'waterfall') {
    emission.payload = rules.piped(emission.payload, outcome.value);
  } else if (turn.takesPart && rules.isAnswer(outcome.value)) {
    answers.push({ place: turn.place, name: turn.subscription.name, value: outcome.value });
  }
}

function combined({ hasFailed, kind, payload, rules }: ModelEmission, answers: LineAnswer[]): Combined {
  const nothing = { value: undefined, values: Object.freeze([]), answeredBy: undefined };
  switch (kind) {
    case 'waterfall':
      return { ...nothing, value: hasFailed && !rules.keepsValueOfFailed ? undefined : payload };
    case 'first':
      return { ...nothing, value: answers[0]?.value, answeredBy: answers[0]?.name };
    case 'collect': {
      if (rules.valuesInOrderOf === 'handlers') answers.sort((a, b) => a.place - b.place);
      return { ...nothing, values: answers.map(({ value }) => value), answeredBy: answers.map(({ name }) => name) };
    }
    default:
      return nothing;
  }
}
