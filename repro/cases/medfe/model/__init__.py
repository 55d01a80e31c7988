"""The networks of MEDFE; each module holds one box of the paper's Figure 2 and the details that it leaves open."""

from repro.cases.medfe.model.discriminator import Discriminators
from repro.cases.medfe.model.generator import Generator, GeneratorOutput

__all__ = ["Discriminators", "Generator", "GeneratorOutput"]
