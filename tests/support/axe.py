"""What axe-core finds in a page: violations of WCAG 2.2, levels A and AA, and best practices."""

from typing import Any

from playwright.sync_api import Page

from tests.support.mailparser import node_folder

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(page: Page) -> list[str]:
    """Each violation as a line: the rule, and the elements that break it."""
    script = (node_folder() / "node_modules" / "axe-core" / "axe.min.js").read_text()
    page.evaluate(script)
    # Frames are left out: what is in a sandboxed one cannot be asked.
    found: dict[str, Any] = page.evaluate(
        "tags => axe.run(document, {runOnly: tags, iframes: false, preload: false, "
        "resultTypes: ['violations']})",
        TAGS,
    )
    return [
        f"{one['id']}: {one['help']}: {[node['html'] for node in one['nodes']]}"
        for one in found["violations"]
    ]
