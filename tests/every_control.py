"""Runs in every kernel that validates a lesson: after each cell, moves every control that it made.

nbval compares what a cell prints and shows, but no slider moves by itself. So each control is set
to other values here, as a person would. What the drawing raises, and a control that changes
nothing, become errors of the cell.
"""

from IPython import get_ipython


# this file shares its names with the lesson, which must not be able to use them
class EveryControl:
    def __init__(self):
        self.explorers = []

    def move_all(self, result):
        import sys

        widgets = sys.modules.get("cs231n_viz.widgets")
        fresh = [one for one in (widgets._SHOWN if widgets else ()) if one not in self.explorers]
        self.explorers += fresh
        for explorer in fresh:
            for name, control in explorer.controls.items():
                self.move(explorer, name, control)

    def move(self, explorer, name, control):
        """To both ends and back: one of the ends must bring another picture, or other words.

        Of a widget that draws step by step only that it runs: its first steps may well look alike.
        """
        start, values = control.value, self.other_values(control)
        before, after = self.shown(explorer), set()
        for value in values:
            control.value = value
            after.add(self.shown(explorer))
        control.value = start
        self.shown(explorer)
        changed = not values or after - {before} or self.is_long(explorer)
        assert changed, f"moving {name} to {values} changes nothing"

    def is_long(self, explorer):
        return explorer.run_button.layout.display is None

    def other_values(self, control):
        """The ends of a slider, menu or check-box that are not its present value."""
        if hasattr(control, "_options_values"):
            ends = control._options_values
        elif isinstance(control.value, bool):
            ends = [False, True]
        elif hasattr(control, "max"):
            ends = [control.min, control.max]
        else:  # a line of text and an upload have no ends
            ends = [control.value]
        return [value for value in dict.fromkeys((ends[0], ends[-1])) if value != control.value]

    def shown(self, explorer):
        """What the present settings show; a long run is stopped at its first live picture."""
        if self.is_long(explorer):
            from threading import Event

            came = Event()
            explorer.image.observe(tell := lambda change: came.set(), "value")
            explorer.run()
            while not came.wait(0.05) and not explorer._idle.is_set():
                pass
            explorer.stop()
            explorer.image.unobserve(tell, "value")
        explorer.wait(120)
        return explorer.picture, explorer.words


get_ipython().events.register("post_run_cell", EveryControl().move_all)
del EveryControl


def without_onednn():
    """See workshop.arithmetic."""
    import os

    if os.environ.get("CS231N_VIZ_ONEDNN") == "off":
        import torch

        torch.backends.mkldnn.enabled = False


without_onednn()
del without_onednn
