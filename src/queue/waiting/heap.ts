/** Something that is in a heap, and knows where, so that it can be taken out of the middle. */
export interface Heaped {
  position: number;
}

/**
 * A binary heap: the item that comes first is on top.
 * Williams, Algorithm 232: Heapsort, Communications of the ACM 7 (1964).
 */
export class Heap<Item extends Heaped> {
  private readonly items: Item[] = [];
  private readonly isBefore: (a: Item, b: Item) => boolean;

  constructor(isBefore: (a: Item, b: Item) => boolean) {
    this.isBefore = isBefore;
  }

  get size(): number {
    return this.items.length;
  }

  get top(): Item | undefined {
    return this.items[0];
  }

  add(item: Item): void {
    this.items.push(item);
    this.rise(item, this.items.length - 1);
  }

  /** Takes out an item that is in it. */
  remove(item: Item): void {
    const { position } = item;
    const last = this.items.pop() as Item;
    if (last === item) return;
    if (position > 0 && this.isBefore(last, this.items[(position - 1) >> 1] as Item)) this.rise(last, position);
    else this.sink(last, position);
  }

  /** In no order. */
  [Symbol.iterator](): IterableIterator<Item> {
    return this.items.values();
  }

  private rise(item: Item, from: number): void {
    const { isBefore, items } = this;
    let position = from;
    while (position > 0) {
      const above = (position - 1) >> 1;
      const parent = items[above] as Item;
      if (!isBefore(item, parent)) break;
      items[position] = parent;
      parent.position = position;
      position = above;
    }
    items[position] = item;
    item.position = position;
  }

  private sink(item: Item, from: number): void {
    const { isBefore, items } = this;
    const { length } = items;
    let position = from;
    for (;;) {
      let below = 2 * position + 1;
      if (below >= length) break;
      if (below + 1 < length && isBefore(items[below + 1] as Item, items[below] as Item)) below++;
      const child = items[below] as Item;
      if (!isBefore(child, item)) break;
      items[position] = child;
      child.position = position;
      position = below;
    }
    items[position] = item;
    item.position = position;
  }
}
