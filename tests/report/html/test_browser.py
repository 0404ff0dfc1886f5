"""The report in a real browser: it opens from the disk, a table sorts, a cell opens, no error, no request.

Chromium is driven by the DevTools protocol over a pipe, so that nothing else needs to be installed.
"""

import contextlib
import json
import os
import select
import shutil
import subprocess
import time

import pytest
from synthetic import EVIL, record, score, seeds, write_run

from genbench.report.html import render_report
from genbench.table.results import load

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the PATH: apt-get install chromium"),
]
PATIENCE = 60  # seconds for an answer


class Browser:
    """A headless Chromium with one page; ``events`` are all that it told."""

    def __init__(self, profile):
        to_read, self.to = os.pipe()
        self.at, to_write = os.pipe()

        def wired():  # the browser reads from 3 and writes to 4
            kept = [os.dup(to_read), os.dup(to_write)]
            for number, handle in zip((3, 4), kept, strict=True):
                os.dup2(handle, number)

        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-pipe",
                     "--disable-dev-shm-usage", f"--user-data-dir={profile}"]  # fmt: skip
        self.process = subprocess.Popen(
            [CHROMIUM, *arguments, "about:blank"], preexec_fn=wired, close_fds=False,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_read)
        os.close(to_write)
        self.events, self.buffer, self.number, self.session = [], b"", 0, None
        page = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        answer = self.wait(lambda told: told.get("id") == self.number)
        assert "error" not in answer, answer
        return answer["result"]

    def wait(self, wanted):
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            while b"\0" in self.buffer:
                message, _, self.buffer = self.buffer.partition(b"\0")
                told = json.loads(message)
                self.events.append(told)
                if wanted(told):
                    return told
            if select.select([self.at], [], [], 0.5)[0]:
                self.buffer += os.read(self.at, 2**20)
        raise AssertionError("the browser does not answer")

    def open(self, url):
        self.events.clear()
        self.call("Page.navigate", url=url)
        if not any(told.get("method") == "Page.loadEventFired" for told in self.events):
            self.wait(lambda told: told.get("method") == "Page.loadEventFired")

    def ask(self, expression, *, wait=False):
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=wait)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def press(self, key, code):
        text = {"Enter": "\r"}.get(key, key)
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, text=text)

    def told(self, *methods):
        return [told["params"] for told in self.events if told.get("method") in methods]

    def close(self):
        with contextlib.suppress(OSError):
            self.session = None
            os.write(self.to, json.dumps({"id": 10**6, "method": "Browser.close"}).encode() + b"\0")
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
        os.close(self.to)
        os.close(self.at)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.close()


def scored(model, energy, coverage, **fields):
    return [record(model, i, [score("energy", energy + i / 100), score("coverage", coverage, better="higher")],
                   timings={"fit_s": 10 * energy, "samples_per_s": 5.0},
                   trace=[[0.1, 1, {"loss": 2.0}], [0.2, 2, {"loss": 1.0}]], **fields) for i in range(2)]  # fmt: skip


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    folder = tmp_path_factory.mktemp("opened")
    records = [
        *scored("b", 0.2, 0.7),
        *scored("a", 0.3, 0.9),
        *scored("c", 0.1, 0.8, label=EVIL),
        *seeds("real", [0, 0]),
    ]
    records.append(record("broken", 0, status="failed", reason=EVIL))
    run = write_run(folder / "run", records)
    page = folder / "report.html"
    page.write_text(render_report(load(run), [run]), encoding="utf-8")
    return page.as_uri()


ROWS = "[...document.querySelectorAll('table.board')[0].tBodies[0].rows].map(row => row.cells[0].textContent.trim()[0])"
HEADING = "[...document.querySelectorAll('table.board')[0].tHead.rows[0].cells].find(c => c.textContent.includes('{}'))"


def sorted_by(browser, name, key="Enter", code=13):
    heading = HEADING.format(name)
    browser.ask(f"{heading}.querySelector('button').focus()")
    browser.press(key, code)
    return "".join(browser.ask(ROWS)), browser.ask(f"{heading}.getAttribute('aria-sort')")


def test_the_report_opens_from_the_disk_and_fetches_nothing(browser, url) -> None:
    browser.open(url)
    assert browser.ask("document.querySelectorAll('img').length") > 2
    assert browser.ask("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
    asked = [each["request"]["url"] for each in browser.told("Network.requestWillBeSent")]
    assert [each for each in asked if not each.startswith("data:")] == [url]


def test_a_table_is_sorted_with_the_keyboard(browser, url) -> None:
    browser.open(url)
    assert sorted_by(browser, "energy") == (EVIL[0] + "ba", "ascending")
    assert sorted_by(browser, "energy", " ", 32) == ("ab" + EVIL[0], "descending")
    assert sorted_by(browser, "coverage") == (
        "a" + EVIL[0] + "b",
        "descending",
    )  # where more is better, more comes first
    assert browser.ask(HEADING.format("energy") + ".getAttribute('aria-sort')") is None
    last = browser.ask("[...document.querySelectorAll('table.board')[0].tBodies].map(body => body.className).join()")
    assert last == "model,failed,reference"  # references stay where they are


def test_a_cell_is_opened_with_the_keyboard(browser, url) -> None:
    browser.open(url)
    assert not browser.ask("document.querySelector('details.cell').open")
    browser.ask("document.querySelector('details.cell summary').focus()")
    browser.press("Enter", 13)
    assert browser.ask("document.querySelector('details.cell').open")
    assert "genbench run -m" in browser.ask("document.querySelector('details.cell .command').innerText")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_there_is_no_error_and_text_of_strangers_runs_nothing(browser, url, scheme) -> None:
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    browser.open(url)
    sorted_by(browser, "energy")
    for number in range(browser.ask("document.querySelectorAll('details').length")):
        browser.ask(f"document.querySelectorAll('details')[{number}].open = true")
    brightness = browser.ask("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)[0]")
    assert (brightness > 128) == (scheme == "light")
    assert browser.told("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded",
                        "Page.javascriptDialogOpening") == []  # fmt: skip
    assert browser.ask("document.querySelectorAll('img:not(.sheet img)').length") == 0
    browser.call("Emulation.setEmulatedMedia", features=[])


def test_the_policy_refuses_what_is_not_of_the_page(browser, url) -> None:
    browser.open(url)
    browser.ask("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.ran = 1\">')")
    browser.ask("document.body.appendChild(document.createElement('script')).textContent = 'window.ran = 2'")
    assert browser.ask("window.ran") is None
    assert browser.told("Log.entryAdded")  # so that the silence of the other tests means something


def test_it_fits_a_telephone(browser, url) -> None:
    browser.call("Emulation.setDeviceMetricsOverride", width=420, height=900, deviceScaleFactor=1, mobile=True)
    browser.open(url)
    assert browser.ask("document.documentElement.scrollWidth") <= 420
    browser.call("Emulation.clearDeviceMetricsOverride")


NAMES = (
    "c2st", "energy", "coverage", "precision", "w1_marginal", "constraints", "membership", "label_tv", "equivalent",
    "nll", "sliced_w2", "frechet@classifier", "number_of_children_w1",
)  # fmt: skip


@pytest.fixture(scope="module")
def wide_url(tmp_path_factory):
    """The page of a run with all the columns that a table has by default."""
    folder = tmp_path_factory.mktemp("wide")
    scores = [score(name, 0.123456, low=0.101234, high=0.145678, floor=0.1, floor_sd=0.01, z=2.34) for name in NAMES]
    timings = {"fit_s": 123.4, "fit_cpu_s": 234.5, "samples_per_s": 123456.0}
    records = [record(model, seed, scores, timings=timings) for model in ("flow_matching", "vae", "kde[bandwidth=0.3]")
               for seed in range(2)]  # fmt: skip
    run = write_run(folder / "run", records)
    page = folder / "report.html"
    page.write_text(render_report(load(run), [run], pictures=False), encoding="utf-8")
    return page.as_uri()


TABLE = "document.querySelector('section > .shown .scroll')"


def resized(browser, width):
    browser.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 700)


def test_a_table_fits_a_page_and_scrolls_with_a_cue_in_a_narrow_window(browser, wide_url) -> None:
    resized(browser, 1400)
    browser.open(wide_url)
    assert browser.ask(f"{TABLE}.querySelectorAll('thead th').length") > 12
    assert browser.ask(f"{TABLE}.scrollWidth - {TABLE}.clientWidth") <= 0
    cue = "getComputedStyle({}.parentNode, '::{}').content"
    assert browser.ask(cue.format(TABLE, "before")) == browser.ask(cue.format(TABLE, "after")) == "none"
    resized(browser, 500)
    browser.open(wide_url)
    browser.ask("new Promise(done => requestAnimationFrame(() => setTimeout(done, 0)))", wait=True)
    assert browser.ask(f"{TABLE}.scrollWidth - {TABLE}.clientWidth") > 100
    assert "scroll sideways" in browser.ask(cue.format(TABLE, "before"))
    assert browser.ask(cue.format(TABLE, "after")) != "none"
    browser.ask(f"{TABLE}.scrollLeft = 10000")
    browser.ask("new Promise(done => requestAnimationFrame(() => setTimeout(done, 0)))", wait=True)
    assert browser.ask(cue.format(TABLE, "after")) == "none"
    assert "scroll sideways" in browser.ask(cue.format(TABLE, "before")), "what is above the table does not jump"
    browser.call("Emulation.clearDeviceMetricsOverride")


def test_second_lines_are_shown_on_demand(browser, wide_url) -> None:
    resized(browser, 1400)
    browser.open(wide_url)
    shown = f"[...{TABLE}.querySelectorAll('small')].filter(line => line.offsetHeight > 0).length"
    lines = browser.ask(f"{TABLE}.querySelectorAll('small').length")
    assert lines > 20
    assert browser.ask(shown) == 0
    browser.ask(f"{TABLE}.querySelector('td:has(small)').click()")
    assert browser.ask(shown) == 1
    browser.ask("document.querySelector('section > .shown .switch input').click()")
    assert browser.ask(shown) == lines
    browser.call("Emulation.clearDeviceMetricsOverride")
