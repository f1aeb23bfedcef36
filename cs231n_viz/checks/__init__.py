"""Exercise checks that take the student's function: `trials` says how, one file a lesson says what.

Every name here is a check: call it with your function, and it prints one line.
"""
# ruff: noqa: F401 (what is imported here is what a lesson calls)

from .activations import dead_channels, merged_top, patch_box, patch_search
from .adversarial import fast_gradient_sign, nearest_in_length, projected_step
from .cam import box_and_overlap, hirescam_map, whole_grad_cam, winning_classes
from .deepdream import dream_gradient, jittered_step, octave_list
from .fast_style import doubled_maps, mixed_rows, normalized_maps
from .filters import filter_map, filter_pictures, filter_responses, linear_templates
from .gradient_ascent import jittered_slope, l2_step, small_pixels_clipped
from .guided_backprop import guided_map, guided_rule, rank_correlation, unit_maps
from .inversion import decibels, feature_loss, total_variation
from .last_layer import cosine_neighbors, map_of_pictures, nearest_label, principal_positions
from .multifaceted import code_step, facet_side, kmeans_step
from .occlusion import changed_outputs, covered_square, kept_scores, occlusion_drops
from .saliency import cut_out, gradient_map, integrated_gradients, smoothed_map
from .start_here import group_drops, lit_picture, relative_maps, strongest_channel_lit
from .style_transfer import kept_colors, matched_light, style_loss
from .texture import gram_of_maps, masked_distances, nearest_patches
from .truth import deletion_curve, paired_difference, pointing_hits
