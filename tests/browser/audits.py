"""What is asked of every view, looked for in the page as the browser has laid it out."""

import re
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from playwright.async_api import Page

_FAINT = """() => {
  const dot = Object.assign(document.createElement('canvas'), {width: 1, height: 1})
    .getContext('2d', {willReadFrequently: true});
  const parts = colour => {            // whatever notation the browser computes
    dot.clearRect(0, 0, 1, 1);
    dot.fillStyle = colour;
    dot.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = dot.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3]));
  const luminance = rgb => rgb.map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const SEEN = {opacityProperty: true, visibilityProperty: true};
  const canvas = parts('Canvas');
  const ground = element => {
    const chain = [];
    for (let e = element; e; e = e.parentElement) chain.unshift(e);
    return chain.reduce((below, e) => over(parts(getComputedStyle(e).backgroundColor), below),
      canvas.slice(0, 3));
  };
  const faint = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode.textContent.trim(), element = texts.currentNode.parentElement;
    if (!text || !element.checkVisibility(SEEN)) continue;
    if (element.closest(':disabled, script, style, noscript')) continue;
    const style = getComputedStyle(element), below = ground(element);
    const ink = luminance(over(parts(style.color), below)), paper = luminance(below);
    const ratio = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    const size = parseFloat(style.fontSize), bold = parseInt(style.fontWeight) >= 700;
    const least = size >= 24 || bold && size >= 18.66 ? 3 : 4.5;
    if (ratio < least) faint.push(`${ratio.toFixed(2)} ${style.color}: ${text.slice(0, 60)}`);
  }
  return [...new Set(faint)];
}"""

# In the accessibility tree, a control that says nothing of itself has no name in quotes.
_NAMELESS = re.compile(
    r"^ *- '?(?:button|link|textbox|searchbox|combobox|checkbox|radio|region)"
    r"(?! \")(?: \[[^\]]*\])*'?(?::.*)?$",
    re.MULTILINE,
)

_SIDEWAYS = """() => {
  const root = document.documentElement, room = root.clientWidth, above = [root, document.body];
  if (room > screen.width) return [`laid out for ${room} pixels, as if it were no phone`];
  if (root.scrollWidth <= room) return [];
  const scrolls = e => !above.includes(e) && !['visible', 'clip'].includes(
    getComputedStyle(e).overflowX);
  const clipped = e => e.parentElement && (scrolls(e.parentElement) || clipped(e.parentElement));
  const end = e => e.getBoundingClientRect().left + Math.max(e.offsetWidth, e.scrollWidth);
  const wide = [...document.querySelectorAll('body *')].filter(e => end(e) > room + 1)
    .filter(e => !clipped(e));
  const inmost = wide.filter(e => !wide.some(other => other !== e && e.contains(other)));
  return [`${root.scrollWidth} > ${room}`, ...inmost.map(e => e.outerHTML.slice(0, 120))];
}"""

_SMALL = """() => [...document.querySelectorAll('button, input, select, summary')]
  .filter(e => e.type !== 'hidden' && e.type !== 'checkbox' && e.checkVisibility())
  .filter(e => { const box = e.getBoundingClientRect(); return box.width < 24 || box.height < 24; })
  .map(e => e.outerHTML.slice(0, 120))"""

_OUTLINE = """() => {
  const e = document.activeElement, style = getComputedStyle(e);
  const ring = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1;
  const name = (e.getAttribute('aria-label') || e.innerText || e.name || '').trim();
  return {tag: e.tagName, name, seen: ring || style.boxShadow !== 'none'};
}"""


async def faint_texts(page: "Page") -> list[str]:
    """Texts with less contrast than WCAG AA asks for, each with its ratio."""
    return cast("list[str]", await page.evaluate(_FAINT))


async def nameless(page: "Page") -> list[str]:
    """What can be used, or is a place to go to, and has no name for those who do not see it."""
    return _NAMELESS.findall(await page.locator("body").aria_snapshot())


async def targets_too_small(page: "Page") -> list[str]:
    """Buttons, fields and selects that a finger misses: below 24 pixels, WCAG 2.2's least."""
    return cast("list[str]", await page.evaluate(_SMALL))


async def sideways(page: "Page") -> list[str]:
    """By how much the page is wider than the window, and what makes it so; empty if it is not."""
    return cast("list[str]", await page.evaluate(_SIDEWAYS))


async def focused(page: "Page") -> dict[str, Any]:
    """What has the focus: its `tag`, its `name`, and whether it is `seen` to have it."""
    return cast("dict[str, Any]", await page.evaluate(_OUTLINE))
