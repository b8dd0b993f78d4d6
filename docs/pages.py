"""Pages of the site that come from elsewhere: notebooks as tutorials, and the contributing guide.

mkdocs calls `on_files` once a build, and `on_page_markdown` for each page. Links between files work
in the repository; here they become links between the pages of the site.
"""

import base64
import json
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["convert_notebook", "generate_pages", "on_files", "on_page_markdown", "relink"]

ROOT = Path(__file__).parents[1]
GUIDES = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Any, config: Any) -> Any:
    """Add the generated pages and their pictures to the files of the site."""
    from mkdocs.structure.files import File

    for name, content in generate_pages():
        files.append(File.generated(config, name, content=content))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Mend links that lead out of the folder of pages."""
    del config, files
    if page.file.generated_by:
        return markdown
    return relink(markdown, f"docs/{page.file.src_uri}", page.file.src_uri)


def generate_pages() -> Iterator[tuple[str, str | bytes]]:
    """Yield the name and the content of each generated page and picture."""
    for source, name in GUIDES.items():
        yield name, relink((ROOT / source).read_text(), source, name)
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        name = f"tutorials/{path.stem}.md"
        text, pictures = convert_notebook(json.loads(path.read_text()), path.stem)
        yield name, relink(text, f"notebooks/{path.name}", name)
        for picture, content in pictures.items():
            yield f"tutorials/{picture}", content


def convert_notebook(notebook: dict[str, Any], stem: str) -> tuple[str, dict[str, bytes]]:
    """Convert a notebook with stored outputs to Markdown.

    Args:
        notebook: The content of a file of nbformat 4.
        stem: The name of the notebook, with which the names of pictures begin.

    Returns:
        The page, and its pictures (PNG) by file name.
    """
    parts, pictures = [], {}
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        parts.append(f"```python\n{source}\n```")
        for output in cell["outputs"]:
            data = output.get("data", {})
            if "image/png" in data:
                name = f"{stem}_{len(pictures) + 1}.png"
                pictures[name] = base64.b64decode("".join(data["image/png"]))
                parts.append(f"![Output of the code above]({name})")
            else:
                text = "".join(output.get("text", data.get("text/plain", ""))).rstrip("\n")
                fenced = f"```text\n{text}\n```"
                parts.append(f'<div class="output" markdown>\n\n{fenced}\n\n</div>')
    return "\n\n".join(parts) + "\n", pictures


def relink(markdown: str, source: str, page: str) -> str:
    """Turn links between files of the repository into links between pages of the site.

    Args:
        markdown: Text of a page.
        source: Where its file is, relative to the repository.
        page: Where the page is, relative to the folder of pages.
    """

    def mend(found: re.Match) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), found[1]))
        published = _published(target)
        if published is None:
            return found[0]
        link = posixpath.relpath(published, posixpath.dirname(page) or ".")
        return f"]({link}{found[2] or ''})"

    return LINK.sub(mend, markdown)


def _published(target: str) -> str | None:
    """Return the page that a file of the repository becomes, or None."""
    folder, _, name = target.partition("/")
    if target in GUIDES:
        return GUIDES[target]
    if folder == "docs":
        return name
    if folder == "notebooks" and name.endswith(".ipynb"):
        return f"tutorials/{name.removesuffix('.ipynb')}.md"
    return None
