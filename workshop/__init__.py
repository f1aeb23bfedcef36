"""What made data/: it imports the package, is not in the wheel, and nothing there imports it.

drawing     draws the Picturebook, the snow pictures and the textures
paintings   paints the style pictures
train       one file a bundled network:  python3 -m cs231n_viz train NAME
measure     what lessons read as measured beforehand:  python -m workshop.measure.NAME
benchmarks  speed beside other libraries:  python -m workshop.benchmarks.NAME
sheet       the page of what a network sees; store_lesson runs a lesson and stores it;
count_lines tells how long the code is, arithmetic runs tests as other processors round,
and wheel fills the wheel
"""
