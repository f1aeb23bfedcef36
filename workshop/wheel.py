"""Puts data/ and notebooks/ into the wheel; an editable install reads them where they are."""

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class DataAndNotebooks(BuildHookInterface):
    def initialize(self, version: str, build_data: dict) -> None:
        if version == "standard":
            build_data["force_include"] |= {
                "data": "cs231n_viz/_data",
                "notebooks": "cs231n_viz/_notebooks",
            }
