"""Takes a picture of every page in every theme, at 100 % and 200 %, in three sizes of the window.

Usage: WALK=matrix.py SCREEN=2560x1440 run.sh BINARY PICTURES_FOLDER [THEME-PERCENT…]
"""
import json
import pathlib
import subprocess
import sys
import tempfile

from screen import Window, enable_accessibility, until, xdotool
from walk import PAGES, Load

THEMES = {
    "light": {"theme": "light"},
    "dark": {"theme": "dark"},
    "contrast": {"theme": "dark", "high_contrast": True},
}
PERCENTS = (100, 200)
SIZES = ((760, 520), (1280, 800), (2560, 1440))


def resize(window, size):
    def is_there():
        said = subprocess.run(["xdotool", "getwindowgeometry", window.id], capture_output=True, text=True, check=False)
        return f"Geometry: {size[0]}x{size[1]}" in said.stdout

    # Out of the way: what is under the pointer looks different.
    xdotool("mousemove", 2559, 1439)
    xdotool("windowmove", window.id, 0, 0)
    xdotool("windowsize", window.id, *size)
    until(f"a window of {size}", is_there)
    # The screen is read twice, so that a frame of this size has been drawn.
    window.settle()
    window.settle()


def pages(window, size, percent):
    where = f"{size[0]}-{percent}"
    resize(window, size)
    for place, (page, words) in enumerate(PAGES, start=1):
        window.press("ctrl+comma" if page == "Settings" else f"ctrl+{place}")
        window.see(words)
        picture(window, f"{page.lower()}-{where}", size)
    window.press("ctrl+5")
    window.see(PAGES[4][1])
    # A key can come before the page that it is for.
    until("the inspector", lambda: window.press("j", "w") or window.places_of("Raw error"))
    picture(window, f"why-{where}", size)
    window.press("Escape")


def endpoint(window, percent):
    assert window.start_again("--demo", "--open", "tidegate://endpoints/sim-eastus") == 0
    for size in SIZES:
        resize(window, size)
        window.see("Soft cap sim-eastus")
        picture(window, f"endpoint-{size[0]}-{percent}", size)


def picture(window, name, size):
    window.settle()
    window.picture(name)
    whole = window.pictures / f"{name}.png"
    subprocess.run(["mogrify", "-crop", f"{size[0]}x{size[1]}+0+0", "+repage", str(whole)], check=True)


def main():
    binary, pictures = sys.argv[1:3]
    enable_accessibility()
    for theme, liked in THEMES.items():
        for percent in PERCENTS:
            if sys.argv[3:] and f"{theme}-{percent}" not in sys.argv[3:]:
                continue
            with tempfile.TemporaryDirectory() as folder:
                state = pathlib.Path(folder) / "state"
                state.mkdir(parents=True)
                (state / "window.json").write_text(json.dumps({**liked, "text_percent": percent}), "utf-8")
                kept = pathlib.Path(pictures) / theme
                with Window(binary, folder, kept, "--demo", "--script", "rush-hour") as window, Load(window.root) as load:
                    until("some answers", lambda: load.answers > 40, 120)
                    for size in SIZES:
                        pages(window, size, percent)
                    # Last: the page stays at what was opened.
                    endpoint(window, percent)
                    load.over.set()
            print(f"ok {theme} at {percent} %", flush=True)


main()
