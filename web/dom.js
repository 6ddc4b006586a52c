/** Makes nodes, and brings what is shown up to date without replacing it: focus and a reader's place stay where they are. */

const SVG = 'http://www.w3.org/2000/svg';
const IN_SVG = ['svg', 'rect', 'text', 'line'];

/** @typedef {Node | string | undefined | false} Child */

/**
 * An element; strings become text nodes, so nothing that a peer said is ever markup.
 *
 * @param {string} tag @param {Readonly<Record<string, string | number | undefined>>} [attributes] undefined: not there
 * @param {...Child} children
 */
export function h(tag, attributes = {}, ...children) {
  const element = IN_SVG.includes(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) element.setAttribute(name, String(value));
  }
  for (const child of children) if (child) element.append(child);
  return element;
}

/** A name that a peer gave itself, which may be of another script and direction. @param {string} name */
export const named = (name) => h('bdi', {}, name);

/** @param {string} id */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`there is no #${id}`);
  return element;
}

/** @param {string} id @param {...Child} children */
export function show(id, ...children) {
  const wanted = document.createElement('div');
  for (const child of children) if (child) wanted.append(child);
  childrenLike(byId(id), wanted);
}

/** @param {string} id @param {boolean} isShown */
export function showIf(id, isShown) {
  const element = byId(id);
  if (element.hidden === isShown) element.hidden = !isShown;
}

/** @param {Element} shown @param {Element} wanted */
function childrenLike(shown, wanted) {
  const kept = new Map([...shown.children].flatMap((child) => keyed(child)));
  const nodes = [...wanted.childNodes];
  for (const [at, node] of nodes.entries()) {
    const there = shown.childNodes[at];
    const [pair] = node instanceof Element ? keyed(node) : [];
    const same = pair ? kept.get(pair[0]) : there && isAlike(there, node) ? there : undefined;
    if (!same) shown.insertBefore(node, there ?? null);
    else {
      if (same !== there) shown.insertBefore(same, there ?? null);
      like(same, node);
    }
  }
  while (shown.childNodes.length > nodes.length) shown.lastChild?.remove();
}

/** @param {Element} element @returns {[string, Element][]} */
function keyed(element) {
  const key = element.getAttribute('data-key');
  return key === null ? [] : [[key, element]];
}

/** @param {Node} one @param {Node} other */
const isAlike = (one, other) =>
  one.nodeName === other.nodeName && !(one instanceof Element && one.hasAttribute('data-key'));

/** @param {Node} shown @param {Node} wanted */
function like(shown, wanted) {
  if (!(shown instanceof Element) || !(wanted instanceof Element)) {
    if (shown.nodeValue !== wanted.nodeValue) shown.nodeValue = wanted.nodeValue;
    return;
  }
  for (const { name } of [...shown.attributes]) if (!wanted.hasAttribute(name)) shown.removeAttribute(name);
  for (const { name, value } of wanted.attributes) {
    if (shown.getAttribute(name) !== value) shown.setAttribute(name, value);
  }
  childrenLike(shown, wanted);
}
