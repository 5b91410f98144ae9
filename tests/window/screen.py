"""A person at the real window: looks things up by the names a screen reader gets, types, drags, takes pictures.

Nothing here waits for a duration where there is something to wait for; every wait is bounded and says what was missing.
"""
import json
import pathlib
import subprocess
import time
import urllib.request

import gi
import Xlib.display
import Xlib.protocol.event

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, Gio, GLib  # noqa: E402

PATIENCE_SECONDS = 60
LOOK_AGAIN_SECONDS = 0.15


def until(what, look, patience=PATIENCE_SECONDS, otherwise=lambda: ""):
    """Looks until there is something; returns it."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(LOOK_AGAIN_SECONDS)
    raise AssertionError(f"within {patience} s there was never: {what}. {otherwise()}")


def enable_accessibility():
    """Tells programs that something reads the screen, as a desktop does when a screen reader starts."""
    bus = Gio.bus_get_sync(Gio.BusType.SESSION)
    arguments = GLib.Variant("(ssv)", ("org.a11y.Status", "IsEnabled", GLib.Variant("b", True)))
    place = ("org.a11y.Bus", "/org/a11y/bus", "org.freedesktop.DBus.Properties", "Set")
    bus.call_sync(*place, arguments, None, Gio.DBusCallFlags.NONE, 20_000, None)
    Atspi.init()
    Atspi.set_timeout(5_000, 20_000)


def xdotool(*arguments):
    subprocess.run(["xdotool", *map(str, arguments)], check=True, capture_output=True, timeout=PATIENCE_SECONDS)


class Window:
    """One run of the program, from launch to exit."""

    def __init__(self, binary, folder, pictures, *arguments):
        self.binary, self.config_dir, self.pictures = binary, pathlib.Path(folder), pathlib.Path(pictures)
        self.config_dir.mkdir(parents=True, exist_ok=True)
        self.log_path = self.config_dir / "log"
        command = [binary, "--port", "0", "--config-dir", str(folder), *arguments]
        with open(self.log_path, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self.root = until("an address to serve at", self._address, otherwise=self.log).removesuffix("/v1")
            self.id = until("a window of our own", self._window, otherwise=self.log)
            xdotool("windowfocus", "--sync", self.id)
            until("a readable screen", self._application, otherwise=self.log)
        except BaseException:
            self.picture("failed-to-start")
            self.kill()
            raise

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            self.picture("failed")
            print("on screen: " + " | ".join(self.words())[:6000])
            print("log: " + self.log())
        self.kill()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def log(self):
        return self.log_path.read_text(encoding="utf-8")[-2000:]

    # --- looking -------------------------------------------------------------------------------------------------

    def _address(self):
        assert self.process.poll() is None, f"it ended with {self.process.returncode}: {self.log()}"
        lines = [line for path in self.config_dir.rglob("state/**/instance") for line in path.read_text().splitlines()]
        return next((line for line in lines if line.startswith("http://")), None)

    def _window(self):
        assert self.process.poll() is None, f"it ended with {self.process.returncode}: {self.log()}"
        found = subprocess.run(
            ["xdotool", "search", "--onlyvisible", "--name", "^Tidegate"], capture_output=True, text=True, check=False
        )
        return found.stdout.split()[-1] if found.stdout.split() else None

    def _application(self):
        desktop = Atspi.get_desktop(0)
        desktop.clear_cache()
        for place in range(desktop.get_child_count()):
            program = desktop.get_child_at_index(place)
            if program and program.get_process_id() == self.process.pid:
                return program
        return None

    def nodes(self):
        """Everything on screen, as (name, node)."""
        waiting, found = [self._application()], []
        while waiting:
            node = waiting.pop()
            if node is None:
                continue
            try:
                node.clear_cache()
                found.append((node.get_name() or "", node))
                waiting.extend(node.get_child_at_index(place) for place in reversed(range(node.get_child_count())))
            except GLib.Error:
                continue  # it has left the screen meanwhile
        return found

    def words(self):
        return [name for name, _ in self.nodes() if name]

    def places_of(self, wish):
        """The middles of all whose name starts with these words, or fulfils this test. A sheet's stand last."""
        fits = wish if callable(wish) else lambda name: name.startswith(wish)
        boxes = []
        for node in [node for name, node in self.nodes() if fits(name)]:
            try:
                boxes.append(node.get_extents(Atspi.CoordType.WINDOW))
            except GLib.Error:
                continue  # it has left the screen meanwhile
        return [(box.x + box.width // 2, box.y + box.height // 2) for box in boxes if box.width > 0 and box.height > 0]

    def see(self, wish, patience=PATIENCE_SECONDS):
        """Waits until it is on screen; returns its middle."""
        return until(f"“{wish}” on screen", lambda: self.places_of(wish), patience)[0]

    def answer(self, question, button):
        """Presses a button of the sheet that asks this."""
        self.see(question)
        self.click(self.places_of(lambda name: name == button)[-1])

    def picture(self, name):
        self.pictures.mkdir(parents=True, exist_ok=True)
        subprocess.run(["import", "-window", "root", str(self.pictures / f"{name}.png")], check=False)

    def status(self):
        """The status page."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{self.root}/_tidegate/status", timeout=20) as answer:
            return json.load(answer)

    def endpoint(self, name):
        return next(each for each in self.status()["endpoints"] if each["id"] == name)

    def groups_of(self, model):
        """The endpoints of a route as it runs, by priority group."""
        groups = next(route["groups"] for route in self.status()["routes"] if route["model"] == model)
        return [group["endpoints"] for group in groups]

    # --- doing ---------------------------------------------------------------------------------------------------

    def press(self, *keys):
        for key in keys:
            xdotool("key", "--clearmodifiers", key)

    def click(self, at):
        xdotool("mousemove", "--sync", *at, "click", 1)

    def take(self, at, towards):
        """Button down and a first short move, so that the drag has begun."""
        xdotool("mousemove", "--sync", *at)
        xdotool("mousedown", 1)
        for step in range(1, 5):
            self.move((at[0], at[1] + 3 * step * towards))

    def move(self, to):
        xdotool("mousemove", *to)
        self.settle()

    def settle(self):
        """Returns once the program has answered, so after it has taken up what was done before."""
        self.see("Overview")

    def carry_to(self, wish, below=0):
        """Moves what is held over something, which may give way, until it rests there."""
        at = None
        for _ in range(20):
            there = self.see(wish)
            goal = (there[0], there[1] + below)
            if goal == at:
                return
            at = goal
            self.move(at)
        raise AssertionError(f"“{wish}” gives way for ever")

    def release(self):
        xdotool("mouseup", 1)

    def value(self, name):
        """What a slider says."""
        # The tree may be between two frames: ask until the slider is in it.
        found = lambda: next(([node.get_current_value()] for words, node in self.nodes() if words == name), None)
        return until(f"the slider “{name}”", found)[0]

    def focused(self):
        """The name of what has the keyboard."""
        focus = (name for name, node in self.nodes() if node.get_state_set().contains(Atspi.StateType.FOCUSED))
        return next(focus, "")

    def tab_to(self, name, at_most=80):
        """Tab until the keyboard is there."""
        for _ in range(at_most):
            before = self.focused()
            if before.startswith(name):
                return
            self.press("Tab")
            until(f"another focus than “{before}”", lambda before=before: self.focused() != before, 10)
        raise AssertionError(f"“{name}” was not reached by {at_most} times Tab")

    def ask_to_close(self):
        """Asks the window to close as a desktop's close button does."""
        display = Xlib.display.Display()
        window = display.create_resource_object("window", int(self.id))
        protocols, delete = display.intern_atom("WM_PROTOCOLS"), display.intern_atom("WM_DELETE_WINDOW")
        window.send_event(
            Xlib.protocol.event.ClientMessage(window=window, client_type=protocols, data=(32, [delete, 0, 0, 0, 0]))
        )
        display.sync()
        display.close()

    def keep_serving(self):
        """Closes the window and lets the program serve on without it."""
        self.ask_to_close()
        self.answer("Keep serving in the background?", "Keep serving")
        until("no window", lambda: self._window() is None, otherwise=self.log)

    def start_again(self, *arguments):
        """Starts the program a second time, which brings back the first one's window; returns the exit code."""
        command = [self.binary, "--config-dir", str(self.config_dir), *arguments]
        code = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_SECONDS).returncode
        self.id = until("a window of our own", self._window, otherwise=self.log)
        xdotool("windowfocus", "--sync", self.id)
        until("a readable screen", self._application, otherwise=self.log)
        return code

    def put_out_of_sight(self):
        """Moves the window off the screen; returns once what was under way is drawn."""
        xdotool("windowmove", self.id, 5000, 5000)
        until("rest", lambda: len({self.drawn(), time.sleep(1) or self.drawn()}) == 1)

    def put_in_sight(self):
        """Moves the window back onto the screen."""
        xdotool("windowmove", self.id, 0, 0)

    def drawn(self):
        """Nanoseconds in which pixels were drawn: those of the software rasteriser's threads."""
        tasks = pathlib.Path(f"/proc/{self.process.pid}/task").iterdir()
        drawing = (task for task in tasks if (task / "comm").read_text().startswith("llvmpipe"))
        return sum(int((task / "schedstat").read_text().split()[0]) for task in drawing)

    def close(self):
        """Closes the window for the first time and stops the program, whatever it still runs; returns the exit code."""
        self.ask_to_close()
        self.answer("Keep serving in the background?", "Stop and quit")
        return self._end()

    def quit(self):
        """Stops the program with its shortcut; returns the exit code."""
        self.press("ctrl+q")
        return self._end()

    def _end(self):
        def ended():
            if self.process.poll() is not None:
                return True
            for at in self.places_of("Quit now"):
                self.click(at)
            return False

        until("the end of the program", ended, otherwise=self.log)
        return self.process.returncode
