"""(program, inputs) ↦ outputs: engines, which execute programs eagerly, compiled or as CUDA graphs."""
