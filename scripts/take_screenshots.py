"""Draws docs/demo-desktop.png and docs/demo-phone.png anew: the page of `zoo demo` in Chromium, with the word seven.

python scripts/take_screenshots.py docs
"""

import io
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

FLAGS = ["--no-sandbox", "--disable-gpu", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}


def main(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        code = f"from zoo.demo import serve; serve(port=0, folder={place!r})"
        server = subprocess.Popen([sys.executable, "-u", "-c", code], stdout=subprocess.PIPE, text=True)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        try:
            address = re.search(r"http://[^ ]+", server.stdout.readline())[0]
            for name, (width, height) in SIZES.items():
                page = browser.new_page(viewport={"width": width, "height": height})
                page.set_default_timeout(180_000)
                page.goto(address)
                page.get_by_text("Clip: seven").click()
                page.locator("#listen .block.zoo-status").filter(has_text="Done.").wait_for()
                time.sleep(1)  # the player draws its waveform
                shot = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
                path = folder / f"demo-{name}.png"
                shot.quantize(256, Image.Quantize.FASTOCTREE).save(path, optimize=True)  # a third of the size
                print(f"Drawn: {path}, {path.stat().st_size / 1000:.0f} kB")
        finally:
            browser.close()
            server.terminate()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
