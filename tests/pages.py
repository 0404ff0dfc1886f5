"""Reports, parsed."""

from html.parser import HTMLParser

from genbench.report.html import render_report
from genbench.table.results import load

VOID = {"meta", "link", "img", "br", "hr", "input", "wbr"}
INLINE = {"wbr", "code"}  # what does not part two words


class Page(HTMLParser):
    """All tags of a page with their attributes, and what is text; tags must be closed in order."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.words, self.open = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.words.append("" if tag in INLINE else " ")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        self.words.append("" if tag in INLINE else " ")

    def handle_data(self, data):
        if not {"script", "style"} & set(self.open):
            self.words.append(data)

    def of(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]

    @property
    def text(self):
        return " ".join("".join(self.words).split())


def page_of(folder, **options):
    return Page(render_report(load(folder), [folder], **options))
