"""What mkdocs does besides its plugins: pages from the top of the checkout, formulas as MathML, no other host.

mkdocs loads this file by the key ``hooks`` of mkdocs.yml. Pages stay plain Markdown with relative links, so that they
also read well on a code host; links that leave docs/ are led to their places on the site.
"""

import logging
import posixpath
import re
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from pymdownx.slugs import slugify

TOP = Path(__file__).parents[1]
PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
"""Pages at the top of the checkout, and their places on the site."""

FILES = ("scripts/*.py", "scripts/*.sh", "LICENSE", "CITATION.cff")
"""Files outside of docs/ that pages may link to."""

LINK = re.compile(r"(?<=\]\()([^)#:\s]+)(?=(?:#[^)\s]*)?\))")
RESOURCE = re.compile(r"<(?:script|img|link|iframe|source)\b[^>]*\b(?:src|href)=[\"']?(?:https?:)?//[^>]*>")

log = logging.getLogger("mkdocs.hooks.site")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Anchors as a code host writes them; a block ```` ```math ```` is a formula."""
    config.mdx_configs["toc"]["slugify"] = slugify(case="lower")
    fences = [{"name": "math", "class": "math", "format": formula}]
    config.mdx_configs.setdefault("pymdownx.superfences", {})["custom_fences"] = fences
    return config


def formula(source: str, language: str, css_class: str, options: Any, md: Any, **more: Any) -> str:
    """LaTeX as MathML, which browsers draw without a script."""
    drawn = re.sub(
        r"(?<=<mi>)(log|ln|KL)</mi>", r'\1</mi><mspace width="0.15em"/>', convert(source.strip(), display="block")
    )
    return f'<div class="{css_class}">{drawn}</div>'


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages and files from the top of the checkout."""
    for name, place in PAGES.items():
        files.append(File.generated(config, place, content=(TOP / name).read_text(encoding="utf-8")))
    for pattern in FILES:
        for path in sorted(TOP.glob(pattern)):
            files.append(File.generated(config, str(path.relative_to(TOP)), abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Leads links to the places of their targets on the site."""
    here = page.file.src_uri
    origin = next((name for name, place in PAGES.items() if place == here), f"docs/{here}")

    def led(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(origin), link[1]))
        place = PAGES.get(target, target.removeprefix("docs/"))
        return posixpath.relpath(place, posixpath.dirname(here) or ".")

    return LINK.sub(led, markdown)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Warns of a page that loads something from another host, so that a strict build ends."""
    for resource in RESOURCE.findall(output):
        log.warning("%s loads from another host: %s", page.file.src_uri, resource)
    return output
