/**
 * A map that never changes: `with` and `without` give a new one that shares all but a few small pieces with the old.
 *
 * The reducer keeps old rolls valid, and a thousand members make ten thousand events: copying a map at each of them
 * is what took most of the head's time. Pieces of up to `LEAF` entries are plain maps, above them branches of 32.
 */
type Leaf<K, V> = ReadonlyMap<K, V>;
type Branch<K, V> = readonly (Node<K, V> | undefined)[];
type Node<K, V> = Leaf<K, V> | Branch<K, V>;

const BITS = 5;
const WIDTH = 1 << BITS;
const LEAF = 16;
/** All bits of a hash are used up: what still collides shares one leaf. */
const DEEPEST = 30;

export class Trie<K extends string | number, V> {
  readonly #root: Node<K, V>;

  constructor(root: Node<K, V> = new Map()) {
    this.#root = root;
  }

  get(key: K): V | undefined {
    let node: Node<K, V> | undefined = this.#root;
    for (let shift = 0; Array.isArray(node); shift += BITS) node = node[slot(key, shift)];
    return (node as Leaf<K, V> | undefined)?.get(key);
  }

  has(key: K): boolean {
    return this.get(key) !== undefined;
  }

  with(key: K, value: V): Trie<K, V> {
    return new Trie(changed(this.#root, key, value, 0));
  }

  without(key: K): Trie<K, V> {
    return this.has(key) ? new Trie(changed(this.#root, key, undefined, 0)) : this;
  }
}

/** @param value undefined: the key is taken out */
function changed<K extends string | number, V>(
  node: Node<K, V> | undefined,
  key: K,
  value: V | undefined,
  shift: number,
): Node<K, V> {
  if (isBranch(node)) {
    const at = slot(key, shift);
    return node.with(at, changed(node[at], key, value, shift + BITS));
  }
  const leaf = new Map(node);
  if (value === undefined) leaf.delete(key);
  else leaf.set(key, value);
  return leaf.size <= LEAF || shift >= DEEPEST ? leaf : split(leaf, shift);
}

function split<K extends string | number, V>(leaf: Leaf<K, V>, shift: number): Branch<K, V> {
  const parts: (Map<K, V> | undefined)[] = Array.from({ length: WIDTH });
  for (const [key, value] of leaf) {
    const at = slot(key, shift);
    const part = parts[at] ?? new Map<K, V>();
    parts[at] = part.set(key, value);
  }
  return parts;
}

const isBranch = <K, V>(node: Node<K, V> | undefined): node is Branch<K, V> => Array.isArray(node);

const slot = (key: string | number, shift: number): number => (hash(key) >>> shift) % WIDTH;

/** FNV-1a for names; a number is its own hash. Whoever makes names collide is in the group, and gains only slowness. */
function hash(key: string | number): number {
  if (typeof key === 'number') return key;
  let value = 0x811c9dc5;
  for (let at = 0; at < key.length; at += 1) value = Math.imul(value ^ key.charCodeAt(at), 0x01000193);
  return value >>> 0;
}
