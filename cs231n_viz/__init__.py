"""Seeing ConvNets: the algorithms of "Visualizing and Understanding", small enough to read.

Import the module you need; importing the package itself does no work.

    images        pictures <-> pixels, the one image convention: (N, 3, H, W), RGB, in [0, 1]
    data          photos, textures, paintings, drawings with masks, folders of your own
    networks      our own nn.Modules
    published     the weights of the real network, EfficientNet-Lite0
    models        any network -> PixelModel; layer names; predict
    promise       what `models.wrap` checks once of a network
    weights       new random weights for any network
    activations   look inside a pass: capture, ReLU rules, receptive field
    layers        which layer, and how its output lies over the picture
    objectives    image -> number
    transforms    image -> image
    optimize      the only loop that changes an image
    incremental   occlusion that computes only what a patch can have changed
    techniques    one file a lesson, pure functions of model and pixels
    heat_maps     every heat map under one name, and what measures them
    intervals     a measured number, and the range in which it lies
    plot          arrays -> figures
    widgets       sliders and clickable pictures around a function that draws
    game          you against the network: a picture opens patch by patch
    checks        exercise checks that take your function
    commands      start, test, doctor, fetch, train: behind python3 -m cs231n_viz

Data flows one way: data, models -> techniques -> plot -> widgets, wired in the notebooks only.
"""

__version__ = "0.2.0"
