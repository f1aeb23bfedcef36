"""Exercise checks that take the student's function; `trials` says how, one file a lesson holds what is tried."""

from .activations import dead_channels, merged_top, patch_box
from .filters import filter_pictures, filter_responses, filter_roughness
from .last_layer import cosine_neighbors, leave_one_out, principal_positions
from .start_here import probabilities, top_class

__all__ = [
    "cosine_neighbors",
    "dead_channels",
    "filter_pictures",
    "filter_responses",
    "filter_roughness",
    "leave_one_out",
    "merged_top",
    "patch_box",
    "principal_positions",
    "probabilities",
    "top_class",
]
