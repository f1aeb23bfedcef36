"""Exercise checks that take the student's function; `trials` says how, one file a lesson holds what is tried."""

from .filters import filter_pictures, filter_responses, filter_roughness
from .start_here import probabilities, top_class

__all__ = ["filter_pictures", "filter_responses", "filter_roughness", "probabilities", "top_class"]
