import type { TypesOf } from './event-declaration.js';

/** The names that can be emitted: string and symbol keys of the event map. */
export type EventName<Events> = keyof Events & (string | symbol);

/** What handlers of `Name` get. */
export type PayloadOf<Events, Name extends keyof Events> = TypesOf<Events[Name]>['payload'];

/** What callers who emit `Name` give. */
export type InputOf<Events, Name extends keyof Events> = TypesOf<Events[Name]>['input'];

/** How the handlers of `Name` combine. */
export type KindOf<Events, Name extends keyof Events> = TypesOf<Events[Name]>['kind'];

/** What callers who emit `Name` get as an answer. */
export type AnswerOf<Events, Name extends keyof Events> = TypesOf<Events[Name]>['answer'];

/** The events that may be emitted without a payload. */
export type VoidEventName<Events> = {
  [Name in EventName<Events>]: undefined extends InputOf<Events, Name>
    ? Name
    : [InputOf<Events, Name>] extends [void]
      ? Name
      : never;
}[EventName<Events>];

type Segments<Name extends string> = Name extends `${infer Head}.${infer Rest}` ? [Head, ...Segments<Rest>] : [Name];

type Matches<Pattern extends readonly string[], Name extends readonly string[]> = Pattern extends readonly ['**']
  ? true
  : Pattern extends readonly [infer PatternHead, ...infer PatternRest extends string[]]
    ? Name extends readonly [infer NameHead, ...infer NameRest extends string[]]
      ? PatternHead extends '*'
        ? Matches<PatternRest, NameRest>
        : PatternHead extends NameHead
          ? Matches<PatternRest, NameRest>
          : false
      : false
    : Name extends readonly []
      ? true
      : false;

/** The event names that a pattern stands for; for a union of patterns, those of each. */
export type Matching<Events, Pattern extends string> = [PatternOf<Events>] extends [Pattern]
  ? EventName<Events> & string
  : MatchingEach<Events, Pattern>;

type MatchingEach<Events, Pattern extends string> = Pattern extends unknown
  ? {
      [Name in keyof Events]: Name extends string
        ? Matches<Segments<Pattern>, Segments<Name>> extends true
          ? Name
          : never
        : never;
    }[keyof Events]
  : never;

type PatternsOver<Name extends readonly string[]> = Name extends readonly [
  infer Head extends string,
  ...infer Rest extends readonly string[],
]
  ? Rest extends readonly []
    ? Head | '*' | '**'
    : `${Head | '*'}.${PatternsOver<Rest>}` | '**'
  : never;

/** Every pattern that matches at least one event of the map: what an editor completes. */
export type PatternOf<Events> = {
  [Name in keyof Events]: Name extends string ? Exclude<PatternsOver<Segments<Name>>, Name> : never;
}[keyof Events];

/** An event as `{ type, payload }`: a union that narrows by `type`. */
export type EventOf<Events, Names extends keyof Events> = {
  [Name in Names]: { readonly type: Name; readonly payload: PayloadOf<Events, Name> };
}[Names];

/** What a handler of `onAny` gets: a union that narrows by `type`. */
export type AnyEvent<Events> = EventOf<Events, EventName<Events>>;

/** What callers could emit, as `{ type, payload }`. */
export type EmittedOf<Events> = {
  [Name in EventName<Events>]: { readonly type: Name; readonly payload: InputOf<Events, Name> };
}[EventName<Events>];

/** The events that a name, a list of names or a pattern stands for. */
export type NamesOf<Events, Source> = Source extends readonly (infer Name extends EventName<Events>)[]
  ? Name
  : Source extends EventName<Events>
    ? Source
    : Source extends string
      ? Matching<Events, Source>
      : never;

/** What is wrong where a bus is to forward events that another doesn't have, or has with another payload. */
export type Forwardable<Events, Other, Names extends keyof Events> = {
  [Name in Names]: Name extends EventName<Other>
    ? PayloadOf<Events, Name> extends InputOf<Other, Name>
      ? never
      : Name
    : Name;
}[Names] extends infer Misfits
  ? [Misfits] extends [never]
    ? unknown
    : { readonly 'the other bus has no such event, or another payload': Misfits }
  : never;

type Wildcard = '*' | '**' | `*.${string}` | `${string}.*` | `${string}.**` | `${string}.*.${string}`;
/** A type that only a name which is no pattern fits. */
export type PlainName<Name> = Name extends Wildcard ? never : Name;
export type OpenPattern<Events> = Wildcard & EventName<Events>;
export type OpenMatching<Events, Pattern extends string> = [MatchingEach<Events, Pattern>] extends [never]
  ? EventName<Events> & string
  : MatchingEach<Events, Pattern>;
