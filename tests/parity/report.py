#!/usr/bin/python3
"""Holds a report.html against its report.json, and looks at it in headless Chromium.

    /usr/bin/python3 tests/parity/report.py RUN_FOLDER [--screenshots FOLDER] [--chromium PROGRAM]

Each element with a data-key shows the figure at that path of the JSON: the number printed must be the
JSON's, rounded to as many digits, and "not measured" must be null. The tags must be balanced, ids and
the links to them must fit, and nothing may be loaded from elsewhere. With --screenshots the page is
drawn light, dark and 400 px wide, and with the slider moved to its first epoch; a script error fails,
as does a page that is wider than its window. Exit code 1 when something is wrong."""
import argparse
import decimal
import html.parser
import json
import os
import re
import subprocess
import sys
import tempfile

VOID = {"meta", "link", "img", "input", "br"}
LOADS = {"src", "href", "xlink:href", "action", "data", "poster", "srcset"}


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.figures, self.faults = [], [], []
        self.ids, self.references, self.headings = [], [], []

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        figure = None
        if "data-key" in values:
            figure = [values["data-key"], ""]
            self.figures.append(figure)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "img" and "alt" not in values:
            self.faults.append("an image without alt")
        if tag == "th" and "scope" not in values:
            self.faults.append("a header cell without scope")
        self.keep_references(values)
        if tag not in VOID:
            self.open.append((tag, figure))

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def keep_references(self, values):
        if "id" in values:
            self.ids.append(values["id"])
        for name in LOADS & set(values):
            if values[name].startswith("#"):
                self.references.append(values[name][1:])
            elif not values[name].startswith("data:"):
                self.faults.append(f"{name} loads {values[name][:60]}")
        for name in ("aria-labelledby", "for"):
            self.references += (values.get(name) or "").split()

    def handle_endtag(self, tag):
        if not self.open or self.open[-1][0] != tag:
            self.faults.append(f"</{tag}> at line {self.getpos()[0]} closes "
                               f"{self.open[-1][0] if self.open else 'nothing'}")
        else:
            self.open.pop()

    def handle_data(self, data):
        for _, figure in self.open:
            if figure is not None:
                figure[1] += data


def look_up(root, path):
    """The value at a path. A key may itself hold a point: the longest one that fits is taken."""
    parts = path.split(".")
    while parts:
        if isinstance(root, list):
            root, parts = root[int(parts[0])], parts[1:]
            continue
        for n in range(len(parts), 0, -1):
            key = ".".join(parts[:n])
            if key in root:
                root, parts = root[key], parts[n:]
                break
        else:
            raise KeyError(path)
    return root


def is_equal(shown, value):
    """Whether a printed number is a value rounded to as many digits, half of the last one allowed."""
    if value is None or shown == "not measured":
        return value is None and shown == "not measured"
    exact = decimal.Decimal(value)
    text = shown.replace(",", "")
    if text.endswith("\u00a0%"):
        text, exact = text[:-2], 100 * exact
    printed = decimal.Decimal(text)
    half = decimal.Decimal(5).scaleb(printed.as_tuple().exponent - 1)
    return abs(printed - exact) <= half * (1 + decimal.Decimal("1e-9"))


def check_page(text, root):
    page = Page()
    page.feed(text)
    page.close()
    faults = page.faults + [f"<{tag}> is not closed" for tag, _ in page.open]
    faults += [f"id {name} is there twice" for name in set(page.ids) if page.ids.count(name) > 1]
    faults += [f"nothing has the id {name}" for name in set(page.references) - set(page.ids)]
    before = 0
    for level in page.headings:
        if level > before + 1:
            faults.append(f"h{level} follows h{before}")
        before = level
    for key, shown in page.figures:
        try:
            value = look_up(root, key)
        except (KeyError, IndexError, ValueError):
            faults.append(f"{key} is not in the JSON")
            continue
        if not is_equal(shown, value):
            faults.append(f"{key}: the page shows {shown}, the JSON has {value}")
    return faults, len(page.figures)


def variants(text):
    dark = text.replace("@media screen and (prefers-color-scheme:dark)", "@media screen")
    # Scripts run in the order of the page: this one moves the slider as a hand would.
    first = text.replace("</body>", "<script>var s=document.getElementById('epoch');if(s){s.value=0;"
                         "s.dispatchEvent(new Event('input'))}</script></body>")
    # Chromium's window is never narrower than 500 px, so that 400 are a frame in one.
    return [("light", text, 1180), ("dark", dark, 1180), ("narrow", text, 400),
            ("narrow-dark", dark, 400), ("first-epoch", first, 1180)]


MEASURE = """<!DOCTYPE html><style>body{margin:0}iframe{border:0;width:%dpx;height:%dpx}</style>
<iframe src="page.html" onload="var d=this.contentDocument.documentElement;
console.log('size '+d.scrollWidth+' '+d.scrollHeight)"></iframe>"""


def draw(chromium, folder, width, height, picture):
    with open(os.path.join(folder, "frame.html"), "w", encoding="utf-8") as file:
        file.write(MEASURE % (width, height))
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
               "--force-device-scale-factor=1", "--allow-file-access-from-files",
               "--enable-logging=stderr", f"--window-size={max(width, 500)},{height}",
               f"--screenshot={picture}", f"file://{folder}/frame.html"]
    log = subprocess.run(command, capture_output=True, text=True, timeout=120).stderr
    return [line for line in log.splitlines() if "CONSOLE" in line]


def check_in_browser(text, chromium, where):
    faults = []
    os.makedirs(where, exist_ok=True)
    for name, page, width in variants(text):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "page.html"), "w", encoding="utf-8") as file:
                file.write(page)
            picture = os.path.join(os.path.abspath(where), name + ".png")
            lines = draw(chromium, folder, width, 1000, picture)
            size = re.search(r'"size (\d+) (\d+)"', "\n".join(lines))
            if size is None:
                faults.append(f"{name}: Chromium did not load the page")
                continue
            if int(size.group(1)) > width:
                faults.append(f"{name}: the page is {size.group(1)} px wide in a window of {width}")
            lines = draw(chromium, folder, width, int(size.group(2)), picture)
            faults += [f"{name}: {line}" for line in lines if '"size ' not in line]
            print(picture)
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--screenshots")
    parser.add_argument("--chromium", default="chromium")
    options = parser.parse_args()
    with open(os.path.join(options.folder, "report.html"), encoding="utf-8") as file:
        text = file.read()
    with open(os.path.join(options.folder, "report.json"), encoding="utf-8") as file:
        root = json.load(file)
    faults, n = check_page(text, root)
    if options.screenshots:
        faults += check_in_browser(text, options.chromium, options.screenshots)
    for fault in faults:
        print(fault)
    print(f"{n} figures, {len(faults)} faults, {len(text.encode()) / 1e6:.2f} MB")
    return 1 if faults or n == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
