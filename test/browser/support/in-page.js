/**
 * What the tests run inside the page. Each function is sent there as its text, so it uses nothing but its argument and
 * the document.
 */

/** Collects what the live region says from now on. */
export function listen() {
  const region = document.querySelector('#news');
  /** @type {string[]} */
  const said = [];
  Object.assign(window, { said });
  const note = () => said.push(region?.textContent ?? '');
  if (region) new MutationObserver(note).observe(region, { childList: true, characterData: true, subtree: true });
}

/** @returns {string} */
export const heard = () => /** @type {Window & { said?: string[] }} */ (window).said?.join(' ') ?? '';

export const focusedText = () => document.activeElement?.textContent?.trim() ?? '';

export const focusedId = () => document.activeElement?.id ?? '';

export const layout = () => ({
  width: document.documentElement.scrollWidth,
  animations: document.getAnimations().length,
});

/** As when the tab is put behind another one. @param {boolean} hidden */
export function hide(hidden) {
  Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
  document.dispatchEvent(new Event('visibilitychange'));
}

/** @param {number} ms @returns {Promise<void>} */
export const after = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** WCAG 2.2, 1.4.3 (texts, 4.5) and 1.4.11 (swatches and edges, 3): what is fainter. */
export function faintTexts() {
  const channels = (/** @type {string} */ color) => (color.match(/[\d.]+/g) ?? []).map(Number);
  const linear = (/** @type {number} */ part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  const luminance = (/** @type {number[]} */ [r = 0, g = 0, b = 0]) =>
    0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const ratioOf = (/** @type {number[]} */ one, /** @type {number[]} */ other) => {
    const [high = 0, low = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
  };
  /** @param {Element | null} element @returns {number[]} */
  const groundOf = (element) => {
    if (!element) return [255, 255, 255];
    const [r = 0, g = 0, b = 0, alpha = 1] = channels(getComputedStyle(element).backgroundColor);
    return alpha > 0 ? [r, g, b] : groundOf(element.parentElement);
  };
  /** Painted with the opacity of everything above. @param {number[]} color @param {Element | null} element @returns {number[]} */
  const faded = (color, element) => {
    if (!element) return color;
    const opacity = Number(getComputedStyle(element).opacity);
    const ground = groundOf(element.parentElement);
    return faded(
      color.map((part, at) => (at > 2 ? part : part * opacity + (ground[at] ?? 0) * (1 - opacity))),
      element.parentElement,
    );
  };
  /** @type {{ what: string, ratio: number, least: number }[]} */
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    const element = node.parentElement;
    const what = node.textContent?.trim() ?? '';
    if (!element || what === '' || !element.checkVisibility() || element.closest('noscript')) continue;
    const isDrawn = element instanceof SVGElement;
    const bar = isDrawn ? element.previousElementSibling : null;
    const style = getComputedStyle(element);
    const ground = bar?.tagName === 'rect' ? channels(getComputedStyle(bar).fill) : groundOf(element);
    const ratio = ratioOf(faded(channels(isDrawn ? style.fill : style.color), element), faded(ground, element));
    found.push({ what, ratio, least: 4.5 });
  }
  for (const element of document.querySelectorAll('.swatch, button, .tile')) {
    const style = getComputedStyle(element);
    const own = channels(element.matches('.swatch') ? style.backgroundColor : style.borderLeftColor);
    const ground = groundOf(element.parentElement);
    found.push({ what: element.className || element.tagName, ratio: ratioOf(own, ground), least: 3 });
  }
  return {
    looked: found.length,
    faint: found.filter((each) => each.ratio < each.least).map(({ what, ratio }) => ({ what, ratio })),
  };
}
