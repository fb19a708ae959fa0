"""scripts/ is importable here, because the long runs and the short ones share their inputs."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))
