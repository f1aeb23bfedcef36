"""Seeing ConvNets: the algorithms of "Visualizing and Understanding", small enough to read.

Import the module you need; importing the package itself does no work.

    images        pictures <-> pixels, the one image convention: (N, 3, H, W), RGB, in [0, 1]
    data          photos, drawn pictures, folders of your own
    drawing       draws the Picturebook
    networks      our own nn.Modules
    models        any network -> PixelModel; layer names; predict
    activations   look inside a pass: capture, ReLU rules, receptive field
    objectives    image -> number
    transforms    image -> image
    optimize      the only loop that changes an image
    incremental   occlusion that computes only what a patch can have changed
    techniques    one file a lesson
    plot          arrays -> figures
    widgets       sliders around a function that draws
    game          you against the network: a picture opens patch by patch
    checks        exercise checks that take your function
    recipes       train every bundled weight file

Data flows one way: data, models -> techniques -> plot -> widgets, and is wired in the notebooks
only.
"""

__version__ = "0.1.0"
