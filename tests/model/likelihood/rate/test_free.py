import torch

from vaerun.model.likelihood.rate.free import LARGEST, Free


def test_the_rate_is_the_exponential_of_the_output_and_bounded():
    outputs = torch.tensor([-3.0, 0.0, 2.0, 1e4])
    assert Free().log_rate(outputs, None).tolist() == [-3.0, 0.0, 2.0, LARGEST]
