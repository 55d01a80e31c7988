"""A piece of the page, as a notebook's cell shows it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fragment:
    """HTML that a notebook displays."""

    source: str

    def _repr_html_(self) -> str:
        return self.source
