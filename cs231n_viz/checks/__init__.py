"""Exercise checks that take the student's function; `trials` says how, one file a lesson holds what is tried."""

from .activations import dead_channels, merged_top, patch_box
from .cam import evidence_difference, gradient_weighted_map, token_grid
from .filters import filter_pictures, filter_responses, filter_roughness
from .guided_backprop import guided_rule, rank_correlation, surviving_share
from .last_layer import cosine_neighbors, leave_one_out, principal_positions
from .occlusion import changed_outputs, covered_square, drop_map
from .saliency import gradient_map, path_parts, smoothed_map
from .start_here import probabilities, top_class

__all__ = [
    "changed_outputs",
    "cosine_neighbors",
    "covered_square",
    "dead_channels",
    "drop_map",
    "evidence_difference",
    "filter_pictures",
    "filter_responses",
    "filter_roughness",
    "gradient_map",
    "gradient_weighted_map",
    "guided_rule",
    "leave_one_out",
    "merged_top",
    "patch_box",
    "path_parts",
    "principal_positions",
    "probabilities",
    "rank_correlation",
    "smoothed_map",
    "surviving_share",
    "token_grid",
    "top_class",
]
