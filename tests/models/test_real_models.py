"""Real models compute in every engine what their own frameworks compute."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from safetensors.numpy import load, save

from pyjsml import Bundle, api
from pyjsml.engines import ENGINES
from tests.conftest import SharedBundle
from tests.engines.conftest import with_files
from tests.support.real import REAL_MODELS, RealModel, sentence

pytestmark = pytest.mark.usefixtures("one_firefox")

BANANA, TABBY, ORANGE = 954, 281, 950

every_engine = pytest.mark.parametrize("engine", [engine.name for engine in ENGINES])


def skip_where_absent(engine: str) -> None:
    missing = next(each for each in ENGINES if each.name == engine).available()
    if missing:
        pytest.skip(missing)


BundleOf = Callable[[RealModel], Bundle]


@pytest.fixture
def bundle_of(models: Path, shared_bundle: SharedBundle) -> BundleOf:
    """Return a function that gives a real model's bundle."""
    return lambda real: shared_bundle(real.name, lambda: real.bundle(models))


@pytest.fixture
def mobilenet(bundle_of: BundleOf) -> Bundle:
    return bundle_of(REAL_MODELS[0])


@pytest.mark.slow
@pytest.mark.parametrize("real", REAL_MODELS, ids=lambda real: real.name)
def test_real_models_match_their_vectors_in_every_engine(
    real: RealModel, models: Path, bundle_of: BundleOf
) -> None:
    names = [engine.name for engine in ENGINES if not engine.available()]
    report = api.check(bundle_of(real), vectors=real.vectors(models), engines=names)
    assert report.ok, report.to_json()
    assert {row.engine for row in report.rows} == set(names)


@pytest.mark.slow
@pytest.mark.parametrize("real", REAL_MODELS, ids=lambda real: real.name)
def test_both_instruction_sets_agree_with_the_vectors(
    real: RealModel, models: Path, bundle_of: BundleOf
) -> None:
    report = api.check(bundle_of(real), vectors=real.vectors(models), isas=("simd128", "relaxed"))
    assert report.ok, report.to_json()
    assert len(report.rows) >= 2


@pytest.mark.slow
@every_engine
@pytest.mark.parametrize("length", [1, 2, 7, 31, 128, 512])
def test_one_bundle_serves_every_sequence_length(
    length: int, engine: str, models: Path, bundle_of: BundleOf
) -> None:
    skip_where_absent(engine)
    if engine in ("chromium", "firefox") and length not in (7, 128):
        pytest.skip("two lengths show what there is to see in a browser")
    report = api.check(
        bundle_of(REAL_MODELS[-1]), vectors=sentence(models, length), engines=[engine]
    )
    assert report.ok, report.to_json()


@pytest.mark.slow
@every_engine
def test_photographs_have_their_classes(engine: str, models: Path, mobilenet: Bundle) -> None:
    skip_where_absent(engine)
    photographs = {
        "banana_wasi_nn_input.jpg": BANANA,
        "kitten_224.png": TABBY,
        "orange.png": ORANGE,
    }
    with api.Executor(mobilenet, engine) as executor:
        for file, expected in photographs.items():
            logits = executor.run(input=photograph(models / "images" / file))["logits"]
            assert logits.argmax() == expected, file


@pytest.mark.slow
def test_a_batch_is_what_its_pictures_are(models: Path, mobilenet: Bundle) -> None:
    pictures = [photograph(models / "images" / name) for name in ("kitten_224.png", "orange.png")]
    with api.Executor(mobilenet) as executor:
        one_by_one = [executor.run(input=picture)["logits"] for picture in pictures]
        batch = executor.run(input=np.concatenate(pictures))["logits"]
    np.testing.assert_array_equal(batch, np.concatenate(one_by_one))


@pytest.mark.slow
def test_check_names_the_op_whose_weight_was_changed(models: Path, bundle_of: BundleOf) -> None:
    real = REAL_MODELS[3]
    bundle = bundle_of(real)
    weights = load(bundle.files["weights.safetensors"])
    name = next(key for key in weights if weights[key].shape == (32, 32, 3, 3))
    weights[name] = np.where(np.arange(9).reshape(3, 3) == 4, -weights[name], weights[name])
    changed = with_files(bundle, {"weights.safetensors": save(weights)})
    report = api.check(
        changed,
        vectors=real.vectors(models),
        reference=models / "cifar10-resnet/resnet20_cifar10.onnx",
    )
    assert not report.ok
    (divergence,) = report.divergences
    named = next(op for op in bundle.model["ops"] if op["name"] == divergence.op)
    # The op that reads what the changed weight was packed into, maybe in several steps.
    values = bundle.model["values"]
    packed = {index for index, value in enumerate(values) if value.get("constant") == name}
    for op in bundle.model["ops"]:
        if op["kind"].startswith("pack_") and packed & {*op["inputs"]}:
            packed = {*op["outputs"]}
    assert packed & {*named["inputs"]}
    assert divergence.origin


@pytest.mark.slow
def test_mobilenet_is_small(mobilenet: Bundle) -> None:
    brotli = pytest.importorskip("brotli")
    parts = ["index.js", "runtime/index.js"]
    for wasm in ("model.simd.wasm", "model.relaxed.wasm"):
        size = sum(len(brotli.compress(mobilenet.files[part])) for part in (*parts, wasm))
        assert size <= 150_000, wasm


@pytest.mark.slow
def test_the_same_model_gives_the_same_bytes_in_any_process(models: Path, tmp_path: Path) -> None:
    file = models / "mnist/cnn_mnist_pytorch.onnx"
    for seed in ("1", "2"):
        subprocess.run(
            [sys.executable, "-m", "pyjsml", "bundle", str(file), "-o", str(tmp_path / seed)],
            # Python's hashes, and with them the order of its sets, differ from seed to seed.
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        )
    assert Bundle.open(tmp_path / "1").files == Bundle.open(tmp_path / "2").files


def photograph(file: Path, side: int = 224) -> NDArray[np.float32]:
    """Return a picture as MobileNet wants it: ImageNet's preprocessing, [1, 3, side, side]."""
    with Image.open(file) as image:
        picture = image.convert("RGB")
        scale = (256 * side // 224) / min(picture.size)
        picture = picture.resize(
            [round(side * scale) for side in picture.size], Image.Resampling.BILINEAR
        )
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        pixels = np.asarray(picture.crop((left, top, left + side, top + side)), np.float32) / 255
    normal = (pixels - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    return np.ascontiguousarray(normal.transpose(2, 0, 1)[None].astype(np.float32))
