/** The names that can be emitted: string and symbol keys of the event map. */
export type EventName<Events> = keyof Events & (string | symbol);

/** What handlers of `Name` get. */
export type PayloadOf<Events, Name extends keyof Events> = Events[Name];

/** What callers who emit `Name` give. */
export type InputOf<Events, Name extends keyof Events> = Events[Name];

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

/** What a handler of `onAny` gets: a union that narrows by `type`. */
export type AnyEvent<Events> = {
  [Name in EventName<Events>]: { readonly type: Name; readonly payload: PayloadOf<Events, Name> };
}[EventName<Events>];

type Wildcard = '*' | '**' | `*.${string}` | `${string}.*` | `${string}.**` | `${string}.*.${string}`;
export type OpenPattern<Events> = Wildcard & EventName<Events>;
export type OpenMatching<Events, Pattern extends string> = [MatchingEach<Events, Pattern>] extends [never]
  ? EventName<Events> & string
  : MatchingEach<Events, Pattern>;
