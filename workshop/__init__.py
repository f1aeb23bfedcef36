"""What made data/: it imports the package, is not in the wheel, and nothing in the package imports
it.

drawing     draws the Picturebook, the snow pictures and the textures
paintings   paints the style pictures
train       one file a bundled network:  python3 -m cs231n_viz train NAME
measure     what lessons read as measured beforehand:  python -m workshop.measure.NAME
benchmarks  speed beside other libraries:  python -m workshop.benchmarks.NAME
sheet, store_lesson, count_lines   the page of a network, a lesson stored as run, how long the code is
"""
