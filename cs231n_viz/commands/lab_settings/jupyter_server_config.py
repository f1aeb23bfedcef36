"""How our JupyterLab starts; Jupyter reads this file. What the command line says comes first."""

from cs231n_viz.commands import lab

c = get_config()  # noqa: F821 (a name that Jupyter gives to its configuration files)
c.ServerApp.jpserver_extensions = {lab.__name__: True}
c.LabApp.default_url = "/lab/tree/00_start_here.ipynb"
c.JupyterApp.answer_yes = True  # one Ctrl-C ends it, as `start` says
c.Application.log_level = "ERROR"  # the address with its token stays in sight
c.KernelManager.transport_encryption = "auto"  # else every kernel warns that others may listen
c.ServerApp.allow_root = True  # plain containers have no other user
if not lab.has_a_screen():
    c.ServerApp.open_browser = False  # else a browser for the terminal may cover the address
