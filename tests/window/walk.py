"""The console in a real window, used as a person uses it. Usage: walk.py BINARY PICTURES_FOLDER"""
import json
import pathlib
import sys
import tempfile
import threading
import time
import traceback
import urllib.request

from screen import Window, enable_accessibility, until

# Each page, in the order of the navigation, with words that only it shows.
PAGES = (
    ("Overview", "Where traffic goes"),
    ("Endpoints", "Click one to open it"),
    ("Routing", "Who gets traffic first"),
    ("Quotas", "How the allowance is divided"),
    ("Requests", "What happened to each request"),
    ("Queue", "Who is waiting, and for what"),
    ("Usage", "Requests and tokens, as the services count them"),
    ("Accounts", "demo-reserved"),
    ("Connect", "Send a test request"),
    ("Settings", "How Tidegate behaves on this computer"),
)


class Load:
    """Clients that ask again and again until told to stop; whatever fails is kept."""

    def __init__(self, root, workers=8):
        self.url, self.answers, self.failures = f"{root}/v1/chat/completions", 0, []
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self._ask) for _ in range(workers)]
        for thread in self.threads:
            thread.start()

    def _ask(self):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        messages = [{"role": "user", "content": "When does the tide turn? " * 80}]
        body = json.dumps({"model": "demo-chat", "max_tokens": 120, "messages": messages}).encode()
        while not self.over.is_set():
            request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})
            try:
                with opener.open(request, timeout=120) as answer:
                    answer.read()
                self.answers += 1
            except OSError as error:
                self.failures.append(str(error))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()


def apply_by_keyboard(window, picture):
    window.press("ctrl+Return")
    window.see("Review changes")
    window.picture(picture)
    window.press("ctrl+Return")


def first_request_with_the_keyboard_alone(binary, folder, pictures):
    with Window(binary, folder, pictures) as window:
        window.see("Welcome to Tidegate")
        window.picture("1-welcome")
        window.press("Return")
        window.see("Send a test request")
        window.picture("2-connect")
        window.press("Return")
        until("an answer", lambda: sum(each["counters"]["answered"] for each in window.status()["endpoints"]) == 1)
        window.see(lambda name: name.startswith("Why"))
        window.picture("3-first-request")
        assert window.close() == 0


def endpoints_reordered_by_keyboard_and_by_drag(binary, folder, pictures):
    with Window(binary, folder, pictures, "--demo", "--script", "rush-hour") as window:
        assert window.groups_of("demo-chat") == [["sim-ptu"], ["sim-eastus", "sim-westus"], ["sim-sweden"]]
        window.press("ctrl+3")
        window.tab_to("sim-eastus, ")
        window.press("alt+Up")
        window.see("1 unapplied change")
        window.picture("4-moved-by-keyboard")
        assert window.groups_of("demo-chat")[0] == ["sim-ptu"], "nothing is applied before the person says so"
        apply_by_keyboard(window, "5-review")
        by_keyboard = [["sim-ptu", "sim-eastus"], ["sim-westus"], ["sim-sweden"]]
        until("the applied order", lambda: window.groups_of("demo-chat") == by_keyboard)

        # What was said of the move last stands before the card itself.
        window.take(until("the card", lambda: window.places_of("sim-eastus, "))[-1], towards=1)
        window.carry_to("sim-westus, ", below=8)
        window.picture("6-dragging")
        window.release()
        window.see("1 unapplied change")
        window.click(window.see(lambda name: name == "Apply"))
        by_drag = [["sim-ptu"], ["sim-westus", "sim-eastus"], ["sim-sweden"]]
        until("the applied order", lambda: window.groups_of("demo-chat") == by_drag)
        window.picture("7-moved-by-drag")
        text = next(pathlib.Path(folder).rglob("demo/config.toml")).read_text(encoding="utf-8")
        assert text.index('"sim-westus", "sim-eastus"') > 0 and "# first choice" in text, "kept, comments too"
        assert window.close() == 0


def soft_cap_dragged_under_load(binary, folder, pictures):
    name, line = "sim-ptu", "Soft cap sim-ptu"
    with Window(binary, folder, pictures, "--demo", "--script", "rush-hour") as window, Load(window.root) as load:
        used = until("20k tokens used", lambda: (window.endpoint(name)["tokens"]["used"] > 20_000), 120)
        window.press("ctrl+2")
        window.see("Click one to open it")
        window.click(window.see(f"{name}, "))
        x, y = window.see(line)
        window.picture("8-before-the-cap")
        used = window.endpoint(name)["tokens"]["used"]
        window.take((x, y), towards=1)
        for step in range(1, 60):
            if window.value(line) < used * 0.7:
                break
            window.move((x, y + 12 + 4 * step))
        window.picture("9-dragging-the-cap")
        window.release()
        wanted = window.value(line)
        assert wanted < used * 0.7, f"the line stands at {wanted}, {used} are used"
        assert window.endpoint(name)["soft_cap"] is None, "nothing is applied before the person says so"
        apply_by_keyboard(window, "10-review-the-cap")
        until("the applied cap", lambda: window.endpoint(name)["tokens"]["limit"] == wanted)
        capped = window.endpoint(name)
        assert capped["soft_cap"] == wanted and capped["tokens"]["source"] == "soft_cap"
        sent, answered = capped["counters"]["attempts"], load.answers
        until("60 answers of others", lambda: load.answers >= answered + 60, 120)
        after = window.endpoint(name)
        above = after["tokens"]["used"] > wanted
        assert not above or after["counters"]["attempts"] <= sent + 1, "what is above its cap gets nothing new"

        def taken():
            tokens = window.endpoint(name)["tokens"]
            return tokens["used"] + tokens["reserved"]

        until("what is used sinks below the line", lambda: taken() <= wanted, 120)
        window.picture("11-under-the-cap")
        load.over.set()
        assert not load.failures, load.failures
        assert window.close() == 0


def every_page_in_both_themes(binary, folder, pictures):
    with Window(binary, folder, pictures, "--demo", "--script", "rush-hour") as window, Load(window.root) as load:
        until("some answers", lambda: load.answers > 40, 120)
        for theme in ("dark", "light"):
            for place, (page, words) in enumerate(PAGES, start=1):
                window.press("ctrl+comma" if page == "Settings" else f"ctrl+{place}")
                window.see(words)
                window.picture(f"page-{place}-{page.lower()}-{theme}")
            window.click(window.see(lambda name: name in ("Use light theme", "Use dark theme")))
        load.over.set()
        assert not load.failures, load.failures
        assert window.close() == 0


def closed_to_the_background_and_opened_again(binary, folder, pictures):
    with Window(binary, folder, pictures, "--demo") as window:
        window.see("Where traffic goes")
        window.keep_serving()
        assert len(window.status()["endpoints"]) >= 4, "it serves without a window"
        assert window.start_again("--demo", "--open", "tidegate://endpoints/sim-eastus") == 0
        window.see("Soft cap sim-eastus")
        window.picture("12-opened-again")
        assert window.quit() == 0, "closing would keep it serving, as was said before"


def out_of_sight_nothing_is_drawn_and_nothing_is_missed(binary, folder, pictures):
    with Window(binary, folder, pictures, "--demo") as window, Load(window.root) as load:
        until("some answers", lambda: load.answers > 20, 120)
        before = window.drawn()
        until("frames while it is looked at", lambda: window.drawn() > before)
        window.put_out_of_sight()
        before, answers = window.drawn(), load.answers
        until("many answers", lambda: load.answers > answers + 200, 120)
        assert window.drawn() == before, "something was drawn that nobody could see"
        load.over.set()
        for thread in load.threads:
            thread.join()
        assert not load.failures, load.failures
        answered = lambda: sum(each["counters"]["answered"] for each in window.status()["endpoints"])
        until("a record of every answer", lambda: answered() == load.answers, otherwise=lambda: str(answered()))
        window.put_in_sight()
        window.see(f"of {load.answers} requests")
        assert window.close() == 0


def take(walk, binary, pictures):
    """A walk in a profile of its own."""
    with tempfile.TemporaryDirectory() as folder:
        walk(binary, folder, pictures)


def main():
    binary, pictures = sys.argv[1:3]
    only = sys.argv[3:]
    walks = [
        first_request_with_the_keyboard_alone,
        endpoints_reordered_by_keyboard_and_by_drag,
        soft_cap_dragged_under_load,
        every_page_in_both_themes,
        closed_to_the_background_and_opened_again,
        out_of_sight_nothing_is_drawn_and_nothing_is_missed,
    ]
    chosen = [walk for walk in walks if not only or walk.__name__ in only]
    enable_accessibility()
    for walk in chosen:
        begun = time.monotonic()
        try:
            take(walk, binary, pictures)
        except Exception:
            # A click can fall between two frames of a display without a window manager. What is broken breaks again.
            traceback.print_exc()
            print(f"once more from the start: {walk.__name__.replace('_', ' ')}", flush=True)
            take(walk, binary, pictures)
        print(f"ok {walk.__name__.replace('_', ' ')} ({time.monotonic() - begun:.0f} s)", flush=True)
    print(f"{len(chosen)} passed, 0 failed")


if __name__ == "__main__":
    main()
