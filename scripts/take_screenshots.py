"""Draws the pictures of the pages anew, in Chromium.

python scripts/take_screenshots.py docs       of `zoo demo`: demo-desktop.png, demo-phone.png, and demo.webp, a tour
python scripts/take_screenshots.py docs web   of `zoo web`: web-desktop.webp, web-phone.webp
"""

import io
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

FLAGS = ["--no-sandbox", "--disable-gpu", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
TOUR = (1000, 720)  # pixels
MOST = 2_000_000  # bytes of the tour


def open_page(browser, address: str, width: int, height: int):
    page = browser.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(180_000)
    page.goto(address)
    page.get_by_text("Clip: seven").wait_for()
    return page


def choose(page, clip: str) -> None:
    """Chooses a bundled clip and waits for all answers."""
    page.get_by_text(f"Clip: {clip}").click()
    for said in (" ...", "Done."):  # at work, so that "Done." is not that of the clip before
        page.locator("#listen .block.zoo-status").filter(has_text=said).wait_for()
    time.sleep(1)  # the player draws its waveform


def shot(page, **how) -> Image.Image:
    return Image.open(io.BytesIO(page.screenshot(**how))).convert("RGB")


def still(page, path: Path) -> None:
    choose(page, "seven")
    image = shot(page, full_page=True).quantize(256, Image.Quantize.FASTOCTREE)  # a third of the size
    image.save(path, optimize=True)


def tour(page, path: Path) -> None:
    """A clip of digits, its letters over time, a word as all classifiers take it, and how good they are: an animated WebP."""
    frames = []

    def keep(seconds: float) -> None:
        frames.append((shot(page), round(1000 * seconds)))

    def scroll_to(element) -> None:
        """Scrolls until an element is at the top, with pictures on the way."""
        goal = element.evaluate("found => found.getBoundingClientRect().top + scrollY - 40")
        start = page.evaluate("scrollY")
        for step in range(1, 7):
            page.evaluate(f"scrollTo(0, {start + (goal - start) * step / 6})")
            time.sleep(0.1)
            keep(0.08)
        keep(2.5)

    choose(page, "woman-us")
    keep(2.5)
    scroll_to(page.locator("#listen .zoo-image"))
    best = frames[-1]
    page.evaluate("scrollTo(0, 0)")
    choose(page, "seven")
    keep(1.5)
    scroll_to(page.locator("#listen .zoo-image"))
    scroll_to(page.locator("#listen").get_by_text("conv2d", exact=True))
    page.evaluate("scrollTo(0, 0)")
    page.get_by_role("tab", name="Compare").click()
    page.locator("#compare .zoo-image img").wait_for()
    time.sleep(1)
    keep(1.5)
    scroll_to(page.locator("#compare .zoo-image"))
    images, durations = zip(*frames, best, strict=True)  # it plays twice, and ends on the letters over time
    images[0].save(path, save_all=True, append_images=images[1:], duration=durations, loop=2, quality=70, method=6)
    if path.stat().st_size > MOST:
        sys.exit(f"The tour must be under {MOST:,} bytes; it has {path.stat().st_size:,}.")


def web(folder: Path) -> None:
    """The page of `zoo web` with an answer on it: a transcript on a desktop, a word on a phone."""
    import zoo
    from zoo.web import server

    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        page_folder = zoo.web.write(Path(place) / "page", ["lstm_ctc_stream", "ds_cnn"])
        running = server.make_server(page_folder, 0)
        threading.Thread(target=running.serve_forever, daemon=True).start()
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for name, (width, height), model in (
            ("desktop", (1280, 1020), "lstm_ctc_stream"),
            ("phone", SIZES["phone"], "ds_cnn"),
        ):
            page = browser.new_page(viewport={"width": width, "height": height})
            page.set_default_timeout(180_000)
            page.goto(f"http://localhost:{running.server_port}/")
            page.evaluate("zoo.ready")
            page.get_by_role("radio", name=model).check()
            page.get_by_text("Press Record and").wait_for()
            page.get_by_role("button", name="Try an example").click()
            page.get_by_text("Answered in").wait_for()
            page.evaluate("document.activeElement.blur()")
            shot(page).save(folder / f"web-{name}.webp", quality=88, method=6)
            print(f"Drawn: web-{name}.webp, {(folder / f'web-{name}.webp').stat().st_size / 1000:.0f} kB")
        browser.close()
        running.shutdown()


def main(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        code = f"from zoo.demo import serve; serve(port=0, folder={place!r})"
        server = subprocess.Popen([sys.executable, "-u", "-c", code], stdout=subprocess.PIPE, text=True)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        try:
            address = re.search(r"http://[^ ]+", server.stdout.readline())[0]
            paths = []
            for name, size in SIZES.items():
                paths.append(folder / f"demo-{name}.png")
                still(open_page(browser, address, *size), paths[-1])
            paths.append(folder / "demo.webp")
            tour(open_page(browser, address, *TOUR), paths[-1])
            for path in paths:
                print(f"Drawn: {path}, {path.stat().st_size / 1000:.0f} kB")
        finally:
            browser.close()
            server.terminate()


if __name__ == "__main__":
    (web if sys.argv[2:] == ["web"] else main)(Path(sys.argv[1]))
