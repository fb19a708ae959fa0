"""Which library multiplies matrices, and that it does so in float32."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from vaerun.errors import UserError
from vaerun.execution import matmul
from vaerun.execution.matmul import choose_matmul_backend, error_of_a_product, mkl_is_slow

AMD = "vendor_id : AuthenticAMD\nflags : fpu avx2 avx512f avx512_bf16"
INTEL = "vendor_id : GenuineIntel\nflags : fpu avx2 avx512f amx_bf16"
SMALL = "vendor_id : AuthenticAMD\nflags : fpu avx2"

pytestmark = pytest.mark.skipif(matmul.permission() is None, reason="this torch has no switch for products")


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    before = allowed()
    yield
    torch.backends.mkldnn.matmul.fp32_precision = before


def allowed() -> str:
    return torch.backends.mkldnn.matmul.fp32_precision


def test_only_avx_512_that_is_not_intels_is_neglected() -> None:
    assert [mkl_is_slow(described) for described in (AMD, INTEL, SMALL, "")] == [True, False, False, False]


@pytest.mark.parametrize(
    ("described", "error", "chosen"), [(AMD, 2e-7, "onednn"), (AMD, 2e-3, "mkl"), (INTEL, 0.0, "mkl")]
)
def test_onednn_multiplies_where_mkl_idles_and_float32_stays_float32(
    described: str, error: float, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matmul, "processor", lambda: described)
    monkeypatch.setattr(matmul, "error_of_a_product", lambda: error)
    assert choose_matmul_backend("auto") == chosen
    assert allowed() == {"onednn": "bf16", "mkl": "none"}[chosen]
    assert choose_matmul_backend("mkl") == "mkl"
    assert allowed() == "none"


def test_bfloat16_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matmul, "error_of_a_product", lambda: 2e-3)
    with pytest.raises(UserError, match="would round matrix products to bfloat16"):
        choose_matmul_backend("onednn")
    assert allowed() == "none"


def test_a_bfloat16_product_would_be_noticed_and_a_float32_one_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert error_of_a_product() < matmul.EXACT / 10
    plain = torch.Tensor.__matmul__

    def halved(a: Tensor, b: Tensor) -> Tensor:
        return plain(a.bfloat16(), b.bfloat16()).float() if a.dtype == torch.float32 else plain(a, b)

    monkeypatch.setattr(torch.Tensor, "__matmul__", halved)
    assert error_of_a_product() > 10 * matmul.EXACT


def test_a_typo_is_met_with_what_was_meant() -> None:
    with pytest.raises(
        UserError, match=r"matmul_backend must be auto, mkl or onednn, got onednm\. Did you mean 'onednn'"
    ):
        choose_matmul_backend("onednm")
