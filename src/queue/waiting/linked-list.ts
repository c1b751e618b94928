/** Something that is in at most one list, and is linked through itself. */
export interface Linked<Item> {
  previous: Item | null;
  following: Item | null;
}

/** A doubly linked list through its items: taking one out of the middle leaves nothing behind. */
export class LinkedList<Item extends Linked<Item>> {
  first: Item | null = null;
  last: Item | null = null;
  size = 0;

  append(item: Item): void {
    const { last } = this;
    item.previous = last;
    item.following = null;
    if (last === null) this.first = item;
    else last.following = item;
    this.last = item;
    this.size++;
  }

  /** Takes out an item that is in it. */
  remove(item: Item): void {
    const { following, previous } = item;
    if (previous === null) this.first = following;
    else previous.following = following;
    if (following === null) this.last = previous;
    else following.previous = previous;
    item.previous = null;
    item.following = null;
    this.size--;
  }

  *[Symbol.iterator](): Generator<Item> {
    for (let item = this.first; item !== null; item = item.following) yield item;
  }
}
